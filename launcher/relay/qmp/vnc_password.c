/* SPDX-License-Identifier: MIT */
/* The password of a guest's screen: set by QMP, asked of viewers by the relay. */
#include "relay/qmp/vnc_password.h"

#include <errno.h>
#include <nettle/des.h>
#include <nettle/memops.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

enum { TRY = 1000, TRIES_AT_ONCE = 5 * TRY, TRIES_PER_S = TRY / 5 };

struct vnc_password vnc_password_new(void)
{
	return (struct vnc_password){.tries = rate_full(TRIES_PER_S, TRIES_AT_ONCE)};
}

int64_t vnc_password_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

bool vnc_password_may_try(struct vnc_password *password, int64_t now_ms)
{
	return rate_left(&password->tries, now_ms) >= TRY;
}

/* VNC's DES reads a key's bytes from their lowest bit on. */
static unsigned char reverse_bits(unsigned char byte)
{
	unsigned char out = 0;

	for (int i = 0; i < 8; i++)
		out |= (unsigned char)((byte >> i & 1) << (7 - i));
	return out;
}

bool vnc_password_check(struct vnc_password *password,
			const unsigned char challenge[VNC_CHALLENGE],
			const unsigned char response[VNC_CHALLENGE], int64_t now_s)
{
	unsigned char key[DES_KEY_SIZE];
	unsigned char wanted[VNC_CHALLENGE];
	struct des_ctx des;
	bool usable =
		password->set && (!password->expires_s || now_s < password->expires_s);
	bool right;

	for (int i = 0; i < DES_KEY_SIZE; i++)
		key[i] = reverse_bits(password->key[i]);
	/* It warns of weak keys, which a person may have chosen. */
	(void)!des_set_key(&des, key);
	des_encrypt(&des, VNC_CHALLENGE, wanted, challenge);
	right = memeql_sec(wanted, response, VNC_CHALLENGE) & usable;
	explicit_bzero(key, sizeof(key));
	explicit_bzero(&des, sizeof(des));
	if (!right)
		rate_spend(&password->tries, TRY);
	return right;
}

static void set(struct vnc_password *password, const char *text)
{
	size_t len = strnlen(text, VNC_PASSWORD_MAX);

	memset(password->key, 0, sizeof(password->key));
	memcpy(password->key, text, len);
	password->set = true;
	password->expires_s = 0;
}

/* "never", "now", "+SECONDS" or seconds since 1970, as QEMU's expire_password has it. */
static int expire(struct vnc_password *password, const char *when, int64_t now_s,
		  struct err *err)
{
	const char *digits = when + (when[0] == '+');
	char *end;
	long long n;

	if (strcmp(when, "never") == 0) {
		password->expires_s = 0;
		return 0;
	}
	if (strcmp(when, "now") == 0) {
		password->expires_s = now_s;
		return 0;
	}
	errno = 0;
	n = strtoll(digits, &end, 10);
	if (digits[0] < '0' || digits[0] > '9' || *end || errno || n > INT32_MAX * 8ll)
		return err_set(err, ERR_USAGE,
			       "expected a time: never, now, +SECONDS or a number");
	password->expires_s = when[0] == '+' ? now_s + n : n;
	if (password->expires_s <= 0)
		password->expires_s = 1;
	return 0;
}

/* The words of an HMP line, in place; the last one has the rest of the line. */
static size_t split(char *line, char *words[], size_t most)
{
	size_t n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	while (n < most && *(line += strspn(line, " \t"))) {
		words[n++] = line;
		if (n == most)
			break;
		line += strcspn(line, " \t");
		if (*line)
			*line++ = '\0';
	}
	return n;
}

/* "change vnc password SECRET", "set_password vnc SECRET [KEEP]", "expire_password vnc T" */
static json_t *take_hmp(struct vnc_password *password, const char *text, int64_t now_s,
			struct err *err)
{
	cleanup_free char *line = strdup(text);
	char *words[4] = {0};
	size_t n = line ? split(line, words, 4) : 0;
	bool change;

	if (n < 2 || strcmp(words[1], "vnc") != 0)
		return NULL;
	change = strcmp(words[0], "change") == 0;
	if (change && n >= 3 && strcmp(words[2], "password") != 0 &&
	    strcmp(words[2], "passwd") != 0)
		return NULL;
	if (change && n < 4) {
		err_set(err, ERR_USAGE,
			"say the password in the line: change vnc password SECRET");
		return NULL;
	}
	if (change) {
		set(password, words[3]);
	} else if (strcmp(words[0], "set_password") == 0 && n >= 3) {
		set(password, words[2]);
	} else if (strcmp(words[0], "expire_password") == 0 && n >= 3) {
		if (expire(password, words[2], now_s, err) < 0)
			return NULL;
	} else {
		return NULL;
	}
	return json_string("");
}

static const char *get(const json_t *arguments, const char *key)
{
	return json_string_value(json_object_get(arguments, key));
}

json_t *vnc_password_command(struct vnc_password *password, const char *name,
			     const json_t *arguments, int64_t now_s, struct err *err)
{
	const char *protocol = get(arguments, "protocol");
	const char *text = get(arguments, "password");
	bool is_vnc = protocol && strcmp(protocol, "vnc") == 0;

	err->msg[0] = '\0';
	if (strcmp(name, "human-monitor-command") == 0) {
		text = get(arguments, "command-line");
		return text ? take_hmp(password, text, now_s, err) : NULL;
	}
	if (strcmp(name, "expire_password") == 0 && is_vnc && get(arguments, "time"))
		return expire(password, get(arguments, "time"), now_s, err) < 0
			       ? NULL
			       : json_object();
	if (!text || (strcmp(name, "change-vnc-password") != 0 &&
		      (strcmp(name, "set_password") != 0 || !is_vnc)))
		return NULL; /* QEMU says what is wrong with it */
	set(password, text);
	return json_object();
}
