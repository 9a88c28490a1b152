/* SPDX-License-Identifier: MIT */
/* The stub domain's console: whole lines, never blocking PID 1. */
#ifndef AGENT_CONSOLE_H
#define AGENT_CONSOLE_H

#include <stddef.h>

/* Opens /dev/console (or falls back to descriptor 2). */
void console_open(void);

/*
 * Queues "source: text\n", made printable and cut at 1,000 bytes.  If dom0 does
 * not read and the queue is full, the line is dropped and counted; the count is
 * printed when there is room again.
 */
void console_line(const char *source, const char *text, size_t len);

void console_printf(const char *source, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The descriptor to poll for POLLOUT while something is queued, else -1. */
int console_poll_fd(void);

/* Writes as much as fits now. */
void console_write(void);

/* Writes the rest, waiting for at most `ms`. */
void console_flush(int ms);

#endif
