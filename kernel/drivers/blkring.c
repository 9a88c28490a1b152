/* SPDX-License-Identifier: MIT */
/* The shared ring of a paravirtual disk, as its front end must see a hostile back end. */
#include "blkring.h"

#include <nub/errno.h>
#include <nub/string.h>

/* A store to the shared page must be seen before the load of the peer's index behind it.
 * That is the one order that x86 does not keep by itself. */
static inline void full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline u32 load32(const u32 *p)
{
	return *(const volatile u32 *)p;
}
static inline void store32(u32 *p, u32 v)
{
	*(volatile u32 *)p = v;
}

void blkring_init(struct blkring *r, void *page)
{
	memset(r, 0, sizeof(*r));
	memset(page, 0, 4096);
	r->shared = page;
	r->shared->req_event = 1;
	r->shared->rsp_event = 1;
}

int blkring_free_slot(const struct blkring *r)
{
	return r->busy == ~0u ? -1 : __builtin_ctz(~r->busy);
}

static void *put(struct blkring *r, unsigned slot, u8 op)
{
	union blkif_sring_entry *e = &r->shared->ring[r->prod++ & (BLKRING_SLOTS - 1)];

	r->busy |= 1u << slot;
	r->op[slot] = op;
	return e;
}

static void fill_segments(struct blkif_request_segment *segs, const grant_ref_t *grefs,
			  u32 bytes)
{
	for (unsigned i = 0; bytes; i++) {
		u32 n = MIN(bytes, BLKRING_SEG_SIZE);

		segs[i] = (struct blkif_request_segment){
			.gref = grefs[i],
			.first_sect = 0,
			.last_sect = (u8)(n / 512 - 1),
		};
		bytes -= n;
	}
}

void blkring_put_io(struct blkring *r, unsigned slot, const struct blkring_io *io)
{
	u16 nsegs = (u16)((io->bytes + BLKRING_SEG_SIZE - 1) / BLKRING_SEG_SIZE);

	if (io->indirect) {
		struct blkif_request_indirect *req = put(r, slot, BLKIF_OP_INDIRECT);

		fill_segments(io->indirect, io->grefs, io->bytes);
		memset(req, 0, sizeof(struct blkif_request));
		req->operation = BLKIF_OP_INDIRECT;
		req->indirect_op = io->op;
		req->nr_segments = nsegs;
		req->id = slot;
		req->sector_number = io->sector;
		req->handle = io->handle;
		req->indirect_grefs[0] = io->indirect_gref;
	} else {
		struct blkif_request *req = put(r, slot, io->op);

		memset(req, 0, sizeof(*req));
		req->operation = io->op;
		req->nr_segments = (u8)nsegs;
		req->handle = io->handle;
		req->id = slot;
		req->sector_number = io->sector;
		fill_segments(req->seg, io->grefs, io->bytes);
	}
}

void blkring_put_discard(struct blkring *r, unsigned slot, u16 handle, u64 sector,
			 u64 nsectors)
{
	struct blkif_request_discard *req = put(r, slot, BLKIF_OP_DISCARD);

	memset(req, 0, sizeof(struct blkif_request));
	req->operation = BLKIF_OP_DISCARD;
	req->handle = handle;
	req->id = slot;
	req->sector_number = sector;
	req->nr_sectors = nsectors;
}

bool blkring_publish(struct blkring *r)
{
	u32 old = r->published;

	barrier();
	store32(&r->shared->req_prod, r->prod);
	r->published = r->prod;
	full_barrier();
	return r->prod - load32(&r->shared->req_event) < r->prod - old;
}

int blkring_next(struct blkring *r, unsigned *slot, int *status)
{
	u32 prod = load32(&r->shared->rsp_prod);
	struct blkif_response rsp;

	if (prod == r->cons) {
		store32(&r->shared->rsp_event, r->cons + 1);
		full_barrier();
		prod = load32(&r->shared->rsp_prod);
		if (prod == r->cons)
			return 0;
	}
	if (prod - r->cons > r->prod - r->cons)
		return -EPROTO;
	barrier();
	memcpy(&rsp, &r->shared->ring[r->cons & (BLKRING_SLOTS - 1)], sizeof(rsp));
	barrier();
	if (rsp.id >= BLKRING_SLOTS || !(r->busy & 1u << rsp.id))
		return -EPROTO;
	r->cons++;
	r->busy &= ~(1u << rsp.id);
	*slot = (unsigned)rsp.id;
	*status = rsp.status;
	return 1;
}
