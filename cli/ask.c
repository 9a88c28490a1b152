/* SPDX-License-Identifier: MIT */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#include "abi/boot.h"
#include "cleanup.h"
#include "clock.h"
#include "xenstore_util.h"

static char *read_node(const struct ask *ask, const char *node)
{
	return xenstore_read(ask->xs, "/local/domain/%u/%s", ask->stub_domid, node);
}

/* Waits until the answer to this or a later question is complete. */
static int wait_answer(struct ask *ask, int timeout_ms, struct err *err)
{
	const int64_t end = clock_ms() + timeout_ms;

	for (;;) {
		cleanup_free char *asked = read_node(ask, STUBDOM_XS_ASK);
		char *answered = read_node(ask, STUBDOM_XS_ANSWER);
		struct pollfd pfd = {.fd = xs_fileno(ask->xs), .events = POLLIN};
		int64_t left = end - clock_ms();

		if (asked && answered && strcmp(asked, answered) == 0) {
			ask->answered = answered;
			return 0;
		}
		free(answered);
		if (left <= 0 || poll(&pfd, 1, (int)left) < 0)
			return err_set(err, ERR_STUB,
				       "the stub domain, domain %u, did not answer "
				       "within %d s; 'stubdom log' may say why",
				       ask->stub_domid, timeout_ms / 1000);
		for (char **event; (event = xs_check_watch(ask->xs));)
			free(event);
	}
}

static int put_question(struct ask *ask, struct err *err)
{
	char path[XENSTORE_PATH_MAX];
	struct timespec ts;

	snprintf(path, sizeof(path), "/local/domain/%u/" STUBDOM_XS_ANSWER,
		 ask->stub_domid);
	if (!xs_watch(ask->xs, path, "answer"))
		return err_errno(err, ERR_HOST, errno, "xenstore: watching %s", path);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(ask->number, sizeof(ask->number), "%llu%06ld",
		 (unsigned long long)ts.tv_sec, ts.tv_nsec / 1000);
	return xenstore_write(ask->xs, err, ask->number,
			      "/local/domain/%u/" STUBDOM_XS_ASK, ask->stub_domid);
}

int ask_begin(struct ask *ask, const struct guest *guest, int timeout_ms, struct err *err)
{
	*ask = (struct ask){.stub_domid = guest->stub_domid};
	if (!guest->stub_known || !guest->stub_alive)
		return err_set(err, ERR_STUB, "the stub domain of '%s' is gone",
			       guest->name ? guest->name : "?");
	ask->xs = xs_open(0);
	if (!ask->xs)
		return err_errno(err, ERR_HOST, errno, "xenstore cannot be reached");
	if (put_question(ask, err) == 0 && wait_answer(ask, timeout_ms, err) == 0)
		return 0;
	ask_end(ask);
	return -1;
}

/* Takes the question back, unless somebody else has asked meanwhile. */
void ask_end(struct ask *ask)
{
	if (ask->xs) {
		cleanup_free char *asked = read_node(ask, STUBDOM_XS_ASK);

		if (asked && strcmp(asked, ask->number) == 0)
			xenstore_remove(ask->xs, "/local/domain/%u/" STUBDOM_XS_ASK,
					ask->stub_domid);
		xs_close(ask->xs);
	}
	free(ask->answered);
	*ask = (struct ask){0};
}

bool ask_memory_parse(const char *text, struct ask_memory *out)
{
	struct ask_memory read;
	int end = 0;
	bool good = sscanf(text, "total=%12llu available=%12llu%n", &read.total_kb,
			   &read.available_kb, &end) == 2 &&
		    text[end] == '\0' && read.available_kb <= read.total_kb;

	*out = good ? read : (struct ask_memory){0};
	return good;
}

int ask_memory(const struct ask *ask, struct ask_memory *out, struct err *err)
{
	cleanup_free char *text = read_node(ask, STUBDOM_XS_MEMORY);

	if (text && ask_memory_parse(text, out))
		return 0;
	return err_set(
		err, ERR_STUB,
		"the stub domain's answer on its memory is not of the agreed form");
}
