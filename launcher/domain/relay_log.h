/* SPDX-License-Identifier: MIT */
/* The relay's words on their way to the log, which only the launcher writes to. */
#ifndef STUBDOM_RELAY_LOG_H
#define STUBDOM_RELAY_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "rate.h"

/*
 * The relay holds a pipe and not the log.  So one that was taken over can neither fill
 * dom0's disk nor speak as somebody else.  The pipe does not block: while the launcher is
 * busy, lines that do not fit are lost and counted (log.h).
 */
struct relay_log {
	int fd;		  /* -1: none */
	struct rate rate; /* of bytes: it is read, stamped and written by root */
	size_t used;
	char line[1024];
};

void relay_log_open(struct relay_log *log, int fd);

/* False: there was too much of it; the rest waits in the pipe, or is lost there. */
bool relay_log_may_write(struct relay_log *log);

/* Writes the lines that have come, a bounded piece of them; false: no more now. */
bool relay_log_read(struct relay_log *log);

/* The same until there is no more, bounded. */
void relay_log_drain(struct relay_log *log);

void relay_log_close(struct relay_log *log);

#endif
