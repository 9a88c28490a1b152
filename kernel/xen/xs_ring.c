/* SPDX-License-Identifier: MIT */
/*
 * Byte rings shared with a hostile peer (xenstore, console): bounded copies in and
 * out.
 */
#include "xs_ring.h"

#include <nub/errno.h>
#include <nub/string.h>

/* x86 orders loads with loads and stores with stores; only the compiler must be told. */

int xs_ring_write(struct xs_ring *r, const void *src, size_t n)
{
	u32 cons = *r->cons;
	u32 used = r->own - cons;
	u32 at, first;

	if (used > r->size)
		return -EPROTO;
	if (n > r->size - used)
		n = r->size - used;
	if (!n)
		return 0;
	barrier();
	at = r->own & (r->size - 1);
	first = MIN((u32)n, r->size - at);
	memcpy(r->data + at, src, first);
	memcpy(r->data, (const char *)src + first, n - first);
	barrier();
	r->own += (u32)n;
	*r->prod = r->own;
	return (int)n;
}

int xs_ring_read(struct xs_ring *r, void *dst, size_t n)
{
	u32 prod = *r->prod;
	u32 have = prod - r->own;
	u32 at, first;

	if (have > r->size)
		return -EPROTO;
	if (n > have)
		n = have;
	if (!n)
		return 0;
	barrier();
	at = r->own & (r->size - 1);
	first = MIN((u32)n, r->size - at);
	memcpy(dst, r->data + at, first);
	memcpy((char *)dst + first, r->data, n - first);
	barrier();
	r->own += (u32)n;
	*r->cons = r->own;
	return (int)n;
}
