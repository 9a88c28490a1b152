/* SPDX-License-Identifier: MIT */
/* Turns the stub domain's console into lines of the log, at a bounded rate. */
#ifndef STUBDOM_RELAY_CONSOLE_H
#define STUBDOM_RELAY_CONSOLE_H

#include <stdint.h>

#include "rate.h"

/* fd -1: no console (yet). The rest is zero at first. */
struct relay_console {
	int fd;
	char line[1024]; /* the agent's lines are shorter */
	unsigned used;
	const char *source; /* whose line it is; NULL: a new one */
	struct rate rate;   /* of lines that are written */
	uint64_t dropped;   /* lines, since the last one that was written */
};

void relay_console_open(struct relay_console *console, int fd);

/* Reads the bytes that are there, a bounded amount; closes the console at its end. */
void relay_console_read(struct relay_console *console, int64_t now_ms);

#endif
