/* SPDX-License-Identifier: MIT */
/* A map of the allocated RAM, byte by byte: only in the checked kernel (kernel-nub-checked),
 * whose compiled code asks before each access of its own. */
#ifndef NUB_SHADOW_H
#define NUB_SHADOW_H

#include <nub/types.h>

#ifdef NUB_CHECKED

#define SHADOW_GAP 16 /* forbidden bytes behind each object of the heap */

/* The map's size for so many frames; and from here on it is in use, all allowed. */
u64 shadow_bytes(u64 frames);
void shadow_init(void *map, u64 frames);
/* Bytes in the direct map; others are not looked at.  `p` is a multiple of 8. */
void shadow_allow(const void *p, size_t n);
void shadow_forbid(const void *p, size_t n);
/* An object of `room` bytes is given back: panics if it was before.  Returns the object that
 * is to be freed in its place, so that memory is not used again at once; NULL: none yet. */
void *shadow_retire(void *p, size_t room);

#else

#define SHADOW_GAP 0

static inline void shadow_allow(const void *p, size_t n)
{
}
static inline void shadow_forbid(const void *p, size_t n)
{
}
static inline void *shadow_retire(void *p, size_t room)
{
	return p;
}

#endif
#endif
