/* SPDX-License-Identifier: MIT */
/* One direction of a vchan: arithmetic on a ring that a hostile peer shares. */
#include "vchan_ring.h"

#include <string.h>

ssize_t vchan_ring_readable(const struct vchan_ring *ring)
{
	uint32_t produced = __atomic_load_n(ring->theirs, __ATOMIC_ACQUIRE);
	uint32_t ready = produced - ring->index;

	return ready <= ring->size ? (ssize_t)ready : -1;
}

ssize_t vchan_ring_writable(const struct vchan_ring *ring)
{
	uint32_t consumed = __atomic_load_n(ring->theirs, __ATOMIC_ACQUIRE);
	uint32_t held = ring->index - consumed;

	return held <= ring->size ? (ssize_t)(ring->size - held) : -1;
}

ssize_t vchan_ring_read(struct vchan_ring *ring, void *out, size_t len)
{
	ssize_t ready = vchan_ring_readable(ring);
	uint32_t at = ring->index & (ring->size - 1);
	size_t first;

	if (ready <= 0)
		return ready;
	if (len > (size_t)ready)
		len = (size_t)ready;
	first = ring->size - at;
	if (first > len)
		first = len;
	memcpy(out, ring->data + at, first);
	memcpy((uint8_t *)out + first, ring->data, len - first);
	ring->index += (uint32_t)len;
	__atomic_store_n(ring->ours, ring->index, __ATOMIC_SEQ_CST);
	return (ssize_t)len;
}

ssize_t vchan_ring_write(struct vchan_ring *ring, const void *in, size_t len)
{
	ssize_t space = vchan_ring_writable(ring);
	uint32_t at = ring->index & (ring->size - 1);
	size_t first;

	if (space <= 0)
		return space;
	if (len > (size_t)space)
		len = (size_t)space;
	first = ring->size - at;
	if (first > len)
		first = len;
	memcpy(ring->data + at, in, first);
	memcpy(ring->data, (const uint8_t *)in + first, len - first);
	ring->index += (uint32_t)len;
	__atomic_store_n(ring->ours, ring->index, __ATOMIC_SEQ_CST);
	return (ssize_t)len;
}
