/* SPDX-License-Identifier: MIT */
/* The stub domain's console: whole lines, never blocking PID 1. */
#include "console.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

enum { QUEUE = 64 * 1024, LINE_MAX_BYTES = 1000 };

static struct {
	int fd;
	size_t begin, len; /* of the queued bytes; the queue wraps */
	unsigned long dropped;
	char queue[QUEUE];
} console = {.fd = 2};

void console_open(void)
{
	/* Its own open file: O_NONBLOCK must not reach QEMU's descriptors. */
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		console.fd = fd;
}

static void queue_bytes(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		console.queue[(console.begin + console.len++) % QUEUE] = bytes[i];
}

static void queue_line(const char *source, const char *text, size_t len)
{
	queue_bytes(source, strlen(source));
	queue_bytes(": ", 2);
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if ((unsigned char)c < 0x20 && c != '\t')
			c = '?';
		queue_bytes(&c, 1);
	}
	queue_bytes("\n", 1);
}

void console_line(const char *source, const char *text, size_t len)
{
	/* Room for the line and for the count of lost lines after it. */
	const size_t reserve = 128;
	char lost[64];

	if (len > LINE_MAX_BYTES)
		len = LINE_MAX_BYTES;
	if (console.len + strlen(source) + len + reserve > QUEUE) {
		console.dropped++;
		return;
	}
	if (console.dropped) {
		int n = snprintf(lost, sizeof(lost), "%lu lines lost here",
				 console.dropped);

		console.dropped = 0;
		queue_line("agent", lost, (size_t)n);
	}
	queue_line(source, text, len);
	console_write();
}

void console_printf(const char *source, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	console_line(source, text,
		     (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int console_poll_fd(void)
{
	return console.len ? console.fd : -1;
}

void console_write(void)
{
	while (console.len) {
		size_t contiguous = QUEUE - console.begin;
		size_t want = console.len < contiguous ? console.len : contiguous;
		ssize_t n = write(console.fd, console.queue + console.begin, want);

		if (n <= 0)
			return; /* not now, or never: the queue is bounded either way */
		console.begin = (console.begin + (size_t)n) % QUEUE;
		console.len -= (size_t)n;
	}
}

void console_flush(int ms)
{
	const int64_t end = clock_ms() + ms;

	console_write();
	while (console.len && clock_ms() < end) {
		clock_wait_ms(5);
		console_write();
	}
}
