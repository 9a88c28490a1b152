/* SPDX-License-Identifier: MIT */
/* Numbers of the kernel's /proc/meminfo and /proc/vmstat. */
#ifndef AGENT_MEMINFO_H
#define AGENT_MEMINFO_H

#include <stdbool.h>

/* False: the kernel does not tell it. */
bool meminfo_read(const char *name, unsigned long long *value);

/* Whether Linux has ended a process for want of memory.  nub tells that by itself. */
bool meminfo_was_short(void);

#endif
