/* SPDX-License-Identifier: MIT */
/* Old spellings of our own options. */
#include "plan/deprecation.h"

#include <ctype.h>
#include <string.h>

/* None yet: every spelling of every release is current. */
const struct deprecation_table deprecations = {NULL, 0};

const struct deprecation *deprecation_find(const struct deprecation_table *table,
					   const char *key, const char *value)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct deprecation *d = &table->list[i];

		if (strcmp(d->old_key, key) == 0 &&
		    (!d->old_value || strcmp(d->old_value, value) == 0))
			return d;
	}
	return NULL;
}

/* A part's number; a part without digits counts as 0 and ends the version. */
static unsigned long take_part(const char **p)
{
	unsigned long n = 0;

	if (!isdigit((unsigned char)**p)) {
		*p = "";
		return 0;
	}
	for (; isdigit((unsigned char)**p); (*p)++)
		n = n * 10 + (unsigned long)(**p - '0');
	if (**p == '.')
		(*p)++;
	else
		*p = "";
	return n;
}

int version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		unsigned long x = take_part(&a);
		unsigned long y = take_part(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}
