/* SPDX-License-Identifier: MIT */
/* The shared ring of a paravirtual disk, as its front end must see a hostile back end. */
#ifndef NUB_DRIVERS_BLKRING_H
#define NUB_DRIVERS_BLKRING_H

#include <nub/types.h>

#include <xen/xen.h>

#include <xen/io/blkif.h>

#define BLKRING_SLOTS 32 /* of a one-page ring */
#define BLKRING_DIRECT_SEGS BLKIF_MAX_SEGMENTS_PER_REQUEST
#define BLKRING_INDIRECT_SEGS 64 /* per request, when the back end takes them */
#define BLKRING_SEG_SIZE 4096u

_Static_assert(sizeof(struct blkif_request) == 112, "blkif request layout");
_Static_assert(sizeof(struct blkif_request_segment) == 8, "blkif segment layout");

struct blkring {
	struct blkif_sring *shared;
	u32 prod, published, cons; /* ours, never read back from the shared page */
	u32 busy;		   /* bit per slot: a request is with the back end */
	u8 op[BLKRING_SLOTS];
};

/* One data request; grefs name whole pages, filled from their start. */
struct blkring_io {
	u8 op; /* BLKIF_OP_READ, WRITE, FLUSH_DISKCACHE, WRITE_BARRIER */
	u16 handle;
	u64 sector;
	u32 bytes; /* multiple of 512 */
	const grant_ref_t *grefs;
	grant_ref_t indirect_gref;		/* of the page at `indirect` */
	struct blkif_request_segment *indirect; /* NULL: segments in the request */
};

void blkring_init(struct blkring *r, void *page);
/* A slot that is not with the back end, or -1. It becomes busy by a put. */
int blkring_free_slot(const struct blkring *r);
void blkring_put_io(struct blkring *r, unsigned slot, const struct blkring_io *io);
void blkring_put_discard(struct blkring *r, unsigned slot, u16 handle, u64 sector,
			 u64 nsectors);
/* Shows the new requests to the back end; true if it wants to be notified. */
bool blkring_publish(struct blkring *r);
/* 1: *slot was answered with *status; 0: nothing more, and the next answer will notify;
 * -EPROTO: an answer without a question. */
int blkring_next(struct blkring *r, unsigned *slot, int *status);

#endif
