/* SPDX-License-Identifier: MIT */
/* Turns the stub domain's console into lines of the log, at a bounded rate. */
#include "relay/console.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* A whole boot fits in the burst; after it a chatty domain fills no disk in a hurry. */
enum { BURST_LINES = 4000, LINES_PER_S = 10 };

void relay_console_open(struct relay_console *console, int fd, int64_t now_ms)
{
	if (console->fd >= 0)
		close(console->fd);
	*console = (struct relay_console){
		.fd = fd, .tokens = BURST_LINES, .refilled_ms = now_ms};
}

static void refill(struct relay_console *console, int64_t now_ms)
{
	int64_t lines = (now_ms - console->refilled_ms) * LINES_PER_S / 1000;

	if (lines <= 0)
		return;
	console->refilled_ms = now_ms;
	console->tokens = lines + console->tokens > BURST_LINES
				  ? BURST_LINES
				  : console->tokens + (uint32_t)lines;
}

/*
 * The agent marks its lines and QEMU's (docs/agent.md); what has no mark is the
 * kernel's.  How many bytes of the line are the mark.
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

static void end_piece(struct relay_console *console)
{
	unsigned mark;

	if (console->used == 0)
		return;
	if (console->tokens == 0) {
		console->dropped++;
	} else {
		if (console->dropped)
			log_warn("%llu lines of the stub domain's console were dropped",
				 (unsigned long long)console->dropped);
		console->dropped = 0;
		console->tokens--;
		mark = find_source(console);
		log_foreign(console->source, console->line + mark, console->used - mark);
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
		end_piece(console);
		close(console->fd);
		console->fd = -1;
		return;
	}
	refill(console, now_ms);
	for (ssize_t i = 0; i < n; i++) {
		if (chunk[i] == '\n' || console->used == sizeof(console->line))
			end_piece(console);
		if (chunk[i] == '\n')
			console->source = NULL;
		else if (chunk[i] != '\r')
			console->line[console->used++] = chunk[i];
	}
}
