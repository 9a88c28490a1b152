/* SPDX-License-Identifier: MIT */
/* A list of physical CPUs: "0-3,6". */
#ifndef STUBDOM_PLAN_CPUS_H
#define STUBDOM_PLAN_CPUS_H

#include <stdbool.h>

/*
 * Takes the next item of *at: its first and last CPU.  False at the end, where **at is
 * '\0', or at something that is no item.
 */
bool cpus_next(const char **at, unsigned *first, unsigned *last);

/* Whether all of it is items, and at least one. */
bool cpus_valid(const char *text);

#endif
