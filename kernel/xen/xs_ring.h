/* SPDX-License-Identifier: MIT */
/*
 * Byte rings shared with a hostile peer (xenstore, console): bounded copies in and
 * out.
 */
#ifndef NUB_XEN_XS_RING_H
#define NUB_XEN_XS_RING_H

#include <nub/types.h>

/*
 * A view of one direction of a shared page.  `size` is a power of two.  Our own index is
 * kept privately in `own` and only ever published: the peer's writes over it in shared
 * memory are not believed.  The peer's index is read once per call.
 */
struct xs_ring {
	char *data;
	u32 size;
	volatile u32 *prod, *cons; /* in shared memory */
	u32 own; /* our index: prod of an outgoing ring, cons of an incoming one */
};

/* Bytes moved, 0 when full/empty, or -EPROTO when the peer's index cannot be true. */
int xs_ring_write(struct xs_ring *r, const void *src, size_t n);
int xs_ring_read(struct xs_ring *r, void *dst, size_t n);

#endif
