/* SPDX-License-Identifier: MIT */
/* Sparse arrays: a tree of 64-way nodes that grows in height with the largest index. */
#include <nub/errno.h>
#include <nub/radix.h>
#include <nub/slab.h>

#define BITS 6
#define FAN 64

struct node {
	void *slot[FAN];
};

static bool covers(unsigned height, u64 index)
{
	return height * BITS >= 64 || !(index >> (height * BITS));
}

void *radix_get(const struct radix *r, u64 index)
{
	struct node *n = r->root;

	if (!covers(r->height, index))
		return NULL;
	for (unsigned h = r->height; n && h > 0; h--)
		n = n->slot[index >> ((h - 1) * BITS) & (FAN - 1)];
	return n;
}

void *radix_take(struct radix *r, u64 index)
{
	void **slot = &r->root, *value;

	if (!covers(r->height, index))
		return NULL;
	for (unsigned h = r->height; *slot && h > 0; h--)
		slot = &((struct node *)*slot)
				->slot[index >> ((h - 1) * BITS) & (FAN - 1)];
	value = *slot;
	if (r->height)
		*slot = NULL;
	return value;
}

int radix_set(struct radix *r, u64 index, void *value)
{
	void **slot;

	while (!r->height || !covers(r->height, index)) {
		struct node *n = kzalloc(sizeof(*n));

		if (!n)
			return -ENOMEM;
		n->slot[0] = r->root;
		r->root = n;
		r->height++;
	}
	slot = &r->root;
	for (unsigned h = r->height; h > 0; h--) {
		struct node *n = *slot;

		if (!n) {
			n = kzalloc(sizeof(*n));
			if (!n)
				return -ENOMEM;
			*slot = n;
		}
		slot = &n->slot[index >> ((h - 1) * BITS) & (FAN - 1)];
	}
	*slot = value;
	return 0;
}

/* Clears entries >= first below *slot; frees the node when all of it goes. */
static void clear_node(void **slot, unsigned h, u64 base, u64 first,
		       void (*fn)(void *value, void *arg), void *arg)
{
	struct node *n = *slot;

	if (!n)
		return;
	if (h == 0) {
		if (base >= first) {
			*slot = NULL;
			fn(n, arg);
		}
		return;
	}
	for (unsigned i = 0; i < FAN; i++) {
		u64 b = base + ((u64)i << ((h - 1) * BITS));
		u64 last = b + ((1ULL << ((h - 1) * BITS)) - 1);

		if (last >= first)
			clear_node(&n->slot[i], h - 1, b, first, fn, arg);
	}
	if (base >= first) {
		*slot = NULL;
		kfree(n);
	}
}

void radix_clear_from(struct radix *r, u64 first, void (*fn)(void *value, void *arg),
		      void *arg)
{
	clear_node(&r->root, r->height, 0, first, fn, arg);
	if (!r->root)
		r->height = 0;
}
