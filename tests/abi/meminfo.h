/* SPDX-License-Identifier: MIT */
/* Numbers of /proc/meminfo, for programs that look whether the kernel gives all back. */
#ifndef MEMINFO_H
#define MEMINFO_H

#include <stdio.h>
#include <string.h>

/* The KiB of one line, such as "MemFree"; -1: there is no such line. */
static inline long meminfo(const char *name)
{
	size_t len = strlen(name);
	char line[100];
	long v = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && v < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			sscanf(line + len + 1, "%ld", &v);
	if (f)
		fclose(f);
	return v;
}

#endif
