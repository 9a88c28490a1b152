/* SPDX-License-Identifier: MIT */
/* Frames: pieces of memory in a chain, and the checksum that they may still lack. */
#ifndef NUB_NETBUF_H
#define NUB_NETBUF_H

#include <nub/types.h>

struct page;

#define NETBUF_HEADROOM 64 /* left free in front of a frame that we make */
#define NETFRAME_MAX 65535 /* bytes of one frame, all its pieces */

/* A frame, or a piece of one chained by `next`: a descriptor and a page of its own. One
 * owner at a time; passing it to a function that "consumes" gives it away. Members that
 * only the first piece has are marked so. */
struct netbuf {
	struct netbuf *next;
	struct netbuf *queue_next; /* first: of the queue that the frame is in */
	struct page *page;
	u8 *data;		     /* first byte, within the page */
	u32 len;		     /* bytes at data */
	u32 total;		     /* first: bytes of the chain */
	u16 csum_start, csum_offset; /* first: when NETBUF_CSUM, from the frame's start */
	u16 gso_size;		     /* first: when NETBUF_GSO4 or 6 */
	u8 flags;		     /* first */
};
#define NETBUF_CSUM 1	 /* checksum not yet filled in */
#define NETBUF_CSUM_OK 2 /* checksum known good */
#define NETBUF_GSO4 4
#define NETBUF_GSO6 8

/* One empty piece with NETBUF_HEADROOM in front; NULL: no memory. The page holds nothing
 * but frames, old or new, so that it can be granted whole. */
struct netbuf *netbuf_alloc(void);
void netbuf_free(struct netbuf *nb); /* the chain */
/* A frame of its own with the same bytes, for flooding; NULL: no memory. */
struct netbuf *netbuf_copy(const struct netbuf *nb);
/* Copies out of a chain; false when it is shorter. */
bool netbuf_read(const struct netbuf *nb, u32 off, void *dst, u32 n);
bool netbuf_write(struct netbuf *nb, u32 off, const void *src, u32 n);
/* Finds csum_start and csum_offset of a TCP or UDP frame. Its checksum field holds the
 * pseudo-header's sum. 0, or -EINVAL when it is no such frame. */
int netbuf_csum_locate(struct netbuf *nb);
/* Fills the checksum in and clears NETBUF_CSUM: 0 or -EINVAL. */
int netbuf_csum_fill(struct netbuf *nb);

#endif
