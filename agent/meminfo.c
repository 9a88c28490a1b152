/* SPDX-License-Identifier: MIT */
#include "meminfo.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

bool meminfo_read(const char *name, unsigned long long *value)
{
	cleanup_file FILE *f = fopen("/proc/meminfo", "re");
	char line[128], found[32];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31[^:]: %llu", found, value) == 2 &&
		    strcmp(found, name) == 0)
			return true;
	return false;
}
