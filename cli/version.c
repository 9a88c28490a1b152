/* SPDX-License-Identifier: MIT */
/* Version numbers of other software: "4.20.1", "6.12.86+deb13-amd64". */
#include "version.h"

#include <stdlib.h>

static unsigned long next_number(const char **at)
{
	char *end;
	unsigned long n;

	if (**at < '0' || **at > '9')
		return 0;
	n = strtoul(*at, &end, 10);
	/* Only a dot with a number after it goes on. */
	*at = *end == '.' && end[1] >= '0' && end[1] <= '9' ? end + 1 : "";
	return n;
}

int version_compare(const char *a, const char *b)
{
	for (int i = 0; i < 4; i++) {
		unsigned long x = next_number(&a);
		unsigned long y = next_number(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}
