/* SPDX-License-Identifier: MIT */
/* Attacks on dom0's side of a channel, each by the name of the channel that it is made
 * on. */
#include "evil.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libxenvchan.h>

#include "abi/channel.h"
#include "lies.h"
#include "report.h"
#include "vchan.h"
#include "xs.h"

enum { CHUNK = 4096, NOTIFIES = 10, STREAM = 8 << 20, CHATTER = 4000, FLOOD_MS = 30000 };

static const char greeting[] =
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 0, "
	"\"major\": 10}, \"package\": \"\"}, \"capabilities\": []}}\r\n";

/* Writes text once, then does as `then` says. */
static int put_first(struct evil *evil, const char *text, int then)
{
	size_t len = strlen(text);

	if (evil->sent < len) {
		ssize_t n = vchan_write(evil->vchan, text + evil->sent, len - evil->sent);

		if (n <= 0)
			return n < 0 ? -1 : 0;
		evil->sent += (uint64_t)n;
	}
	return evil->sent < len ? 0 : then;
}

/* Writes the same bytes without end, after `before` others. */
static int put_endless(struct evil *evil, size_t before, const char *bytes, size_t len)
{
	size_t at = (evil->sent - before) % len;
	ssize_t n = vchan_write(evil->vchan, bytes + at, len - at);

	if (n > 0)
		evil->sent += (uint64_t)n;
	return n < 0 ? -1 : n > 0;
}

static int act_garbage(struct evil *evil)
{
	unsigned char bytes[CHUNK];
	uint64_t x = 88172645463325252u + evil->sent;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (unsigned char)x;
	}
	return put_endless(evil, 0, (char *)bytes, sizeof(bytes));
}

/* Half a message, and the end. */
static int act_half(struct evil *evil)
{
	return put_first(evil, "{\"QMP\": {\"version\": {\"qemu\": ", -1);
}

/* One message that does not end, and has no line's end. */
static int act_long(struct evil *evil)
{
	static char xs[CHUNK];
	int rc = put_first(evil, "{\"QMP\": \"", 1);

	if (rc <= 0 || evil->sent < 9)
		return rc;
	memset(xs, 'x', sizeof(xs));
	return put_endless(evil, 9, xs, sizeof(xs));
}

static int act_deep(struct evil *evil)
{
	static char brackets[CHUNK];

	memset(brackets, '[', sizeof(brackets));
	return put_endless(evil, 0, brackets, sizeof(brackets));
}

static int act_flood(struct evil *evil)
{
	static const char event[] =
		"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 1}, "
		"\"event\": \"RESUME\"}\r\n";
	int rc = put_first(evil, greeting, 1);

	if (rc <= 0 || evil->sent < sizeof(greeting) - 1)
		return rc;
	return put_endless(evil, sizeof(greeting) - 1, event, sizeof(event) - 1);
}

static int act_answer(struct evil *evil)
{
	int rc = put_first(evil, greeting, 1);

	if (rc <= 0 || evil->sent < sizeof(greeting) - 1)
		return rc;
	return put_endless(evil, sizeof(greeting) - 1, "{\"return\": {}}\r\n", 16);
}

/* Says that far more was written than the ring holds. */
static int act_index(struct evil *evil)
{
	evil->vchan->write.shr->prod = evil->vchan->write.shr->cons + 0x7fffffff;
	xenevtchn_notify(evil->vchan->event, evil->vchan->event_port);
	return 0;
}

/* The other ring: claims to have read bytes that were never written. */
static int act_consumed(struct evil *evil)
{
	evil->vchan->read.shr->cons = evil->vchan->read.shr->prod + 0x40000000;
	xenevtchn_notify(evil->vchan->event, evil->vchan->event_port);
	return 0;
}

static int act_close(struct evil *evil)
{
	return -1;
}

static int act_notify(struct evil *evil)
{
	for (int i = 0; i < NOTIFIES; i++)
		xenevtchn_notify(evil->vchan->event, evil->vchan->event_port);
	return 1;
}

static int act_nodes(struct evil *evil)
{
	return -1;
}

/*
 * The server's place in xenstore leads dom0 to no server, last of all to another grant.
 */
static void spoil_nodes(struct evil *evil)
{
	static const char *const values[] = {
		"0", "-1", "4294967295", "99999999999999999999", "", "x", "7"};
	char path[128];
	struct err err;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		snprintf(path, sizeof(path), "%s/ring-ref", evil->path);
		xs_client_write(path, values[i], &err);
		snprintf(path, sizeof(path), "%s/event-channel", evil->path);
		xs_client_write(path, values[i], &err);
	}
}

void evil_offered(struct evil *evil)
{
	if (evil->act == act_nodes)
		spoil_nodes(evil);
}

/*
 * No attack: blocks with a number each, so that dom0 can tell that none is
 * missing.
 */
static int act_stream(struct evil *evil)
{
	static char block[CHUNK];

	if (evil->sent == STREAM) {
		evil->sent = 0;
		evil->waits = true;
		return 0;
	}
	if (!block[0])
		memset(block, '.', sizeof(block));
	/* A block ends where the next one begins: sent is never in two of them. */
	snprintf(block, sizeof(block), "block %08x", (unsigned)(evil->sent / CHUNK));
	block[14] = ' ';
	block[15] = '.';
	block[CHUNK - 1] = '\n';
	return put_endless(evil, 0, block, sizeof(block));
}

/* Floods that begin with a byte and last FLOOD_MS, whether somebody reads or not. */
static bool floods(struct evil *evil)
{
	struct timespec ts;
	int64_t now_ms;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	if (evil->until_ms == 0)
		evil->until_ms = now_ms + FLOOD_MS;
	if (now_ms < evil->until_ms)
		return true;
	evil->until_ms = 0;
	evil->waits = true;
	return false;
}

/* Bytes. */
static int act_spill(struct evil *evil)
{
	return floods(evil) ? act_garbage(evil) : 0;
}

/* Events. */
static int act_knock(struct evil *evil)
{
	return floods(evil) ? act_notify(evil) : 0;
}

/* Nodes that root's launcher watches. */
static int act_storm(struct evil *evil)
{
	struct err err;

	if (!floods(evil))
		return 0;
	xs_client_write("data/stubdom/storm", "x", &err);
	xs_client_write(STUBDOM_XS_CHANNEL "/storm", "x", &err);
	return 1;
}

/* Registers of lent PCI devices; the log tells when it begins and ends. */
static int act_config(struct evil *evil)
{
	bool began = evil->until_ms == 0;

	if (!floods(evil)) {
		report_line("hostile: the registers have had it");
		return 0;
	}
	if (began)
		report_line("hostile: at the registers of %d devices", config_attack());
	config_attack();
	return 1;
}

/* None of these: the stub domain's CPU alone. */
static int act_spin(struct evil *evil)
{
	return floods(evil) ? 1 : 0;
}

/* Talks on the console, into dom0's log. */
static int act_chatter(struct evil *evil)
{
	for (int i = 0; i < 8; i++)
		report_line("hostile: %0900d", i);
	evil->sent += 8;
	return evil->sent < CHATTER;
}

static const struct {
	const char *name;
	int (*act)(struct evil *evil);
} attacks[] = {
	{"garbage", act_garbage}, {"half", act_half},	      {"long", act_long},
	{"deep", act_deep},	  {"flood", act_flood},	      {"answer", act_answer},
	{"index", act_index},	  {"consumed", act_consumed}, {"close", act_close},
	{"notify", act_notify},	  {"nodes", act_nodes},	      {"stream", act_stream},
	{"chatter", act_chatter}, {"lies", lies_choose},      {"spill", act_spill},
	{"knock", act_knock},	  {"storm", act_storm},	      {"spin", act_spin},
	{"config", act_config},
};

int (*evil_find(const char *channel))(struct evil *evil)
{
	if (strncmp(channel, "evil-", 5) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++) {
		size_t len = strlen(attacks[i].name);

		/* "evil-flood" and "evil-flood-2" */
		if (strncmp(channel + 5, attacks[i].name, len) == 0 &&
		    (channel[5 + len] == '\0' || channel[5 + len] == '-'))
			return attacks[i].act;
	}
	return NULL;
}
