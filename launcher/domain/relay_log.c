/* SPDX-License-Identifier: MIT */
/* The relay's words on their way to the log, which only the launcher writes to. */
#include "domain/relay_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { CHUNK = 16 * 1024, DRAIN_CHUNKS = 64 };

/* More than the console's lines come to (relay/console.h). */
enum { BYTES_PER_S = 32 * 1024, BYTES_AT_ONCE = 6 << 20 };

void relay_log_open(struct relay_log *log, int fd)
{
	log->fd = fd;
	log->used = 0;
	log->rate = rate_full(BYTES_PER_S, BYTES_AT_ONCE);
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* The relay speaks for itself and for the stub domain, for nobody else. */
static void end_line(struct relay_log *log)
{
	static const char *const sources[] = {"relay", "kernel", "agent", "qemu"};
	const char *source = sources[0];
	size_t mark = 0;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		size_t len = strlen(sources[i]);

		if (log->used >= len + 2 && memcmp(log->line, sources[i], len) == 0 &&
		    memcmp(log->line + len, ": ", 2) == 0) {
			source = sources[i];
			mark = len + 2;
			break;
		}
	}
	if (log->used > 0)
		log_foreign(source, log->line + mark, log->used - mark);
	log->used = 0;
}

bool relay_log_may_write(struct relay_log *log)
{
	return rate_left(&log->rate, clock_ms()) > 0;
}

bool relay_log_read(struct relay_log *log)
{
	char chunk[CHUNK];
	ssize_t n = log->fd >= 0 ? read(log->fd, chunk, sizeof(chunk)) : -1;

	if (n < 0)
		return log->fd >= 0 && errno == EINTR;
	if (n == 0) {
		end_line(log);
		relay_log_close(log);
		return false;
	}
	rate_spend(&log->rate, n);
	for (ssize_t i = 0; i < n; i++) {
		if (chunk[i] == '\n' || log->used == sizeof(log->line))
			end_line(log);
		if (chunk[i] != '\n')
			log->line[log->used++] = chunk[i];
	}
	return true;
}

void relay_log_drain(struct relay_log *log)
{
	for (int i = 0; i < DRAIN_CHUNKS && relay_log_read(log); i++)
		;
}

void relay_log_close(struct relay_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}
