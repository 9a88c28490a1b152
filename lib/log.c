/* SPDX-License-Identifier: MIT */
/* Timestamped log lines on standard error. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "clean.h"

static const char *log_source = "stubdom";
static enum log_level log_most = LOG_LEVEL_INFO;
static size_t log_written;
static bool log_piped;
static unsigned long log_lost;

void log_init(const char *source, enum log_level most)
{
	log_source = source;
	log_most = most;
}

void log_to_pipe(void)
{
	log_piped = true;
}

/* "2026-01-31T12:00:00.123Z ", or nothing where another process adds it. */
static void make_stamp(char out[48])
{
	struct timespec now;
	struct tm tm;
	size_t n;

	out[0] = '\0';
	if (log_piped)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 48 - n, ".%03ldZ ", now.tv_nsec / 1000000);
}

static void say_lost(void)
{
	char out[128];
	int n = snprintf(out, sizeof(out),
			 "%s: warning: %lu lines of the log were lost here\n", log_source,
			 log_lost);

	if (write(STDERR_FILENO, out, (size_t)n) > 0)
		log_lost = 0;
}

/* One write(2) a line, so that lines of several processes do not mix. */
static void log_line(const char *source, const char *mark, const char *text, size_t len)
{
	char stamp[48];
	char out[1280];
	int n;

	make_stamp(stamp);
	n = snprintf(out, sizeof(out), "%s%s: %s%.*s", stamp, source, mark, (int)len,
		     text);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(out) - 2)
		n = sizeof(out) - 2;
	n = (int)clean_text(out, (size_t)n, CLEAN_TAB);
	out[n++] = '\n';
	if (log_lost)
		say_lost();
	if (log_lost || write(STDERR_FILENO, out, (size_t)n) < 0) {
		/* Otherwise there is nowhere left to say it. */
		log_lost += log_piped && errno == EAGAIN;
		return;
	}
	log_written += (size_t)n;
}

bool log_take_written(size_t bytes)
{
	if (log_written < bytes)
		return false;
	log_written = 0;
	return true;
}

bool log_shows(enum log_level level)
{
	return level <= log_most;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	static const char *const marks[] = {"error: ", "warning: ", "", ""};
	char text[1100];
	va_list ap;
	int n;

	if (!log_shows(level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	log_line(log_source, marks[level], text,
		 (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void log_foreign(const char *source, const char *line, size_t len)
{
	log_line(source, "", line, len < 1000 ? len : 1000);
}
