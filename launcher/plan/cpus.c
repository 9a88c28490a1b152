/* SPDX-License-Identifier: MIT */
/* A list of physical CPUs: "0-3,6". */
#include "plan/cpus.h"

#include <ctype.h>
#include <stdlib.h>

enum { CPU_MAX = 16383 }; /* the most that Xen can be built for */

static bool take_number(const char **at, unsigned *out)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)**at))
		return false;
	n = strtoul(*at, &end, 10);
	if (n > CPU_MAX)
		return false;
	*at = end;
	*out = (unsigned)n;
	return true;
}

bool cpus_next(const char **at, unsigned *first, unsigned *last)
{
	const char *p = *at;

	if (!take_number(&p, first))
		return false;
	*last = *first;
	if (*p == '-') {
		p++;
		if (!take_number(&p, last) || *last < *first)
			return false;
	}
	if (*p == ',' && p[1] != '\0')
		p++;
	else if (*p != '\0')
		return false;
	*at = p;
	return true;
}

bool cpus_valid(const char *text)
{
	unsigned first;
	unsigned last;
	const char *at = text;

	while (cpus_next(&at, &first, &last))
		;
	return *text != '\0' && *at == '\0';
}
