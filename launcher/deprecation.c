/* SPDX-License-Identifier: MIT */
/* Old spellings of our own options. */
#include "deprecation.h"

#include <stdlib.h>
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

int version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		char *end_a = NULL;
		char *end_b = NULL;
		unsigned long x = strtoul(a, &end_a, 10);
		unsigned long y = strtoul(b, &end_b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		if (end_a == a && end_b == b)
			return strcmp(a, b);
		a = *end_a == '.' ? end_a + 1 : end_a;
		b = *end_b == '.' ? end_b + 1 : end_b;
	}
	return 0;
}
