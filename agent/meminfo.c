/* SPDX-License-Identifier: MIT */
#include "meminfo.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static bool read_number(const char *path, const char *name, unsigned long long *value)
{
	cleanup_file FILE *f = fopen(path, "re");
	char line[128], found[32];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31[^: ]%*[: ]%llu", found, value) == 2 &&
		    strcmp(found, name) == 0)
			return true;
	return false;
}

bool meminfo_read(const char *name, unsigned long long *value)
{
	return read_number("/proc/meminfo", name, value);
}

bool meminfo_was_short(void)
{
	unsigned long long kills;

	return read_number("/proc/vmstat", "oom_kill", &kills) && kills > 0;
}
