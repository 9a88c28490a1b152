/* SPDX-License-Identifier: MIT */
/* Sparse array of pointers by u64 index (page caches). */
#ifndef NUB_RADIX_H
#define NUB_RADIX_H

#include <nub/types.h>

struct radix {
	void *root;
	unsigned height; /* levels; 0: empty */
};

void *radix_get(const struct radix *r, u64 index);
/* 0 or -ENOMEM; value must not be NULL. */
int radix_set(struct radix *r, u64 index, void *value);
/* Removes the entry and returns it; NULL: there is none. */
void *radix_take(struct radix *r, u64 index);
/* Calls fn on each entry with index >= first, in order, and removes it. */
void radix_clear_from(struct radix *r, u64 first, void (*fn)(void *value, void *arg),
		      void *arg);

#endif
