/* SPDX-License-Identifier: MIT */
/* Turns the stub domain's console into lines of the log, at a bounded rate. */
#include "relay/console.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* A whole boot fits in the burst; after it a chatty domain fills no disk in a hurry. */
enum { BURST_LINES = 4000, LINES_PER_S = 10 };

void relay_console_open(struct relay_console *console, int fd)
{
	if (console->fd >= 0)
		close(console->fd);
	*console = (struct relay_console){.fd = fd,
					  .rate = rate_full(LINES_PER_S, BURST_LINES)};
}

/*
 * The agent marks its lines and QEMU's (docs/agent.md); a line without a mark is the
 * kernel's.  Returns the length of the mark.
 */
static unsigned find_source(struct relay_console *console)
{
	static const char *const marked[] = {"agent", "qemu"};

	/* The rest of a line that was too long. */
	if (console->source)
		return 0;
	for (size_t i = 0; i < sizeof(marked) / sizeof(marked[0]); i++) {
		unsigned len = (unsigned)strlen(marked[i]);

		if (console->used >= len + 2 &&
		    memcmp(console->line, marked[i], len) == 0 &&
		    memcmp(console->line + len, ": ", 2) == 0) {
			console->source = marked[i];
			return len + 2;
		}
	}
	console->source = "kernel";
	return 0;
}

/*
 * QEMU makes a node for each kind of back end and gives it to domain 0; a stub domain may
 * not.  Nothing reads the node, and nothing is amiss.
 */
static bool is_noise(const char *source, const char *text, size_t len)
{
	static const char head[] = "xen be core: xs_mkdir device-model/";
	static const char tail[] = ": failed";
	const size_t head_len = sizeof(head) - 1, tail_len = sizeof(tail) - 1;

	return strcmp(source, "qemu") == 0 && len > head_len + tail_len &&
	       memcmp(text, head, head_len) == 0 &&
	       memcmp(text + len - tail_len, tail, tail_len) == 0;
}

static void end_piece(struct relay_console *console, int64_t now_ms)
{
	unsigned mark;

	if (console->used == 0)
		return;
	if (rate_left(&console->rate, now_ms) == 0) {
		console->dropped++;
	} else {
		if (console->dropped)
			log_warn("%llu lines of the stub domain's console were dropped",
				 (unsigned long long)console->dropped);
		console->dropped = 0;
		rate_spend(&console->rate, 1);
		mark = find_source(console);
		if (log_shows(LOG_LEVEL_DEBUG) ||
		    !is_noise(console->source, console->line + mark,
			      console->used - mark))
			log_foreign(console->source, console->line + mark,
				    console->used - mark);
	}
	console->used = 0;
}

void relay_console_read(struct relay_console *console, int64_t now_ms)
{
	char chunk[4096];
	ssize_t n = read(console->fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_piece(console, now_ms);
		close(console->fd);
		console->fd = -1;
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (chunk[i] == '\n' || console->used == sizeof(console->line))
			end_piece(console, now_ms);
		if (chunk[i] == '\n')
			console->source = NULL;
		else if (chunk[i] != '\r')
			console->line[console->used++] = chunk[i];
	}
}
