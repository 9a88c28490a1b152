/* SPDX-License-Identifier: MIT */
/* The kernel's command line, as the direct-boot test guest's settings. */
#include "guest.h"

#include <stdio.h>
#include <string.h>

void cmdline_each(const char *key, void (*each)(char *value))
{
	char line[4096], want[64];
	FILE *f = fopen("/proc/cmdline", "re");
	char *save = NULL;
	size_t n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;

	if (f)
		fclose(f);
	line[n] = '\0';
	snprintf(want, sizeof(want), "guest.%s=", key);
	for (char *word = strtok_r(line, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		if (!strncmp(word, want, strlen(want)))
			each(word + strlen(want));
	}
}
