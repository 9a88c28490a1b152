/* SPDX-License-Identifier: MIT */
/* Timestamped log lines on standard error. */
#ifndef STUBDOM_LOG_H
#define STUBDOM_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * Every line: "2026-01-31T12:00:00.123Z source: text".  `source` names who
 * speaks (stubdom-dm, relay, guardian) and must outlive the process.
 */
void log_init(const char *source, enum log_level most);

/*
 * From now on standard error is a pipe to a process that writes the log.  Lines have no
 * time.  A line that does not fit now is lost; a later one tells how many were.
 */
void log_to_pipe(void);

void log_msg(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether lines of this level are written. */
bool log_shows(enum log_level level);

/* A line of another speaker (the stub domain): made printable, cut at 1,000 bytes. */
void log_foreign(const char *source, const char *line, size_t len);

/* Whether this process has written so many bytes since it last said so. */
bool log_take_written(size_t bytes);

#define log_error(...) log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
