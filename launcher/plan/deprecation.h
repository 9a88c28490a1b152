/* SPDX-License-Identifier: MIT */
/*
 * Old spellings of our own options, as data: each keeps working for two minor
 * releases.
 */
#ifndef STUBDOM_DEPRECATION_H
#define STUBDOM_DEPRECATION_H

#include <stddef.h>

struct deprecation {
	const char *old_key;
	const char *old_value; /* NULL: any value */
	const char *new_key;
	const char *new_value;	/* NULL: the value stays */
	const char *since;	/* release in which the new spelling came */
	const char *removed_in; /* release that takes the old one no more */
};

struct deprecation_table {
	const struct deprecation *list;
	size_t n;
};

/* The product's own. */
extern const struct deprecation_table deprecations;

/* NULL: this spelling is not an old one. */
const struct deprecation *deprecation_find(const struct deprecation_table *table,
					   const char *key, const char *value);

/*
 * Compares dotted numbers, "1.10" after "1.9"; -1, 0 or 1.  A rest behind the last number
 * ("-rc1", "+deb13") does not count.
 */
int version_compare(const char *a, const char *b);

#endif
