/* SPDX-License-Identifier: MIT */
/* How much of dom0's CPU a stub domain may take through its relay. */
#ifndef STUBDOM_RELAY_BUDGET_H
#define STUBDOM_RELAY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rate.h"

/*
 * The cost of bytes, events and messages depends on the host.  So the relay's time is
 * bounded: BUDGET_PERMILLE of one CPU.  Half of it is common to the
 * parties that somebody in dom0 listens to, half is shared out to each alone.  So one that
 * floods is held back, and the others still have their own.  A party is a channel, or the
 * console.
 */
struct budget {
	struct rate common; /* of µs */
	struct rate *own;
	size_t n;
	int64_t seen_us; /* of the process's CPU time: all before it is charged */
};

enum {
	BUDGET_PERMILLE = 100,
	BUDGET_COMMON_MS = 2000, /* at once, after a rest */
	BUDGET_OWN_MS = 200,
};

/* µs of CPU that this process has used. */
int64_t budget_cpu_us(void);

/* cpu_us: what is not charged to anybody.  -1: out of memory. */
int budget_init(struct budget *budget, size_t parties, int64_t cpu_us);
void budget_free(struct budget *budget);

/* 0: party i may go on; else after so many ms, 1000 at most.  heard: somebody listens. */
int budget_wait_ms(struct budget *budget, size_t i, bool heard, int64_t now_ms);

/* Party i, which budget_wait_ms let go on, did what was done since the last charge. */
void budget_charge(struct budget *budget, size_t i, bool heard, int64_t cpu_us);

/* The time since the last charge is nobody's. */
void budget_skip(struct budget *budget, int64_t cpu_us);

#endif
