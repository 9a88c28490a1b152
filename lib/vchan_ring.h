/* SPDX-License-Identifier: MIT */
/* One direction of a vchan: arithmetic on a ring that a hostile peer shares. */
#ifndef STUBDOM_VCHAN_RING_H
#define STUBDOM_VCHAN_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Layout: xen/include/public/io/libxenvchan.h.  Our own index is kept here and
 * only published, never read back; the peer's is read once a call and checked.
 */
struct vchan_ring {
	uint32_t *ours;	  /* shared: where we publish our index */
	uint32_t *theirs; /* shared: the peer's index */
	uint8_t *data;
	uint32_t size; /* bytes, a power of two */
	uint32_t index;
};

/*
 * Bytes that can be taken (reader) or put (writer) now; -1: the peer's index is
 * impossible, the channel cannot be trusted any more.
 */
ssize_t vchan_ring_readable(const struct vchan_ring *ring);
ssize_t vchan_ring_writable(const struct vchan_ring *ring);

/* Take or put up to len bytes; the number done, 0 for none, -1 as above. */
ssize_t vchan_ring_read(struct vchan_ring *ring, void *out, size_t len);
ssize_t vchan_ring_write(struct vchan_ring *ring, const void *in, size_t len);

#endif
