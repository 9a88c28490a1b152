/* SPDX-License-Identifier: MIT */
/* Numbers of the kernel's /proc/meminfo. */
#ifndef AGENT_MEMINFO_H
#define AGENT_MEMINFO_H

#include <stdbool.h>

/* False: the kernel does not tell it. */
bool meminfo_read(const char *name, unsigned long long *value);

#endif
