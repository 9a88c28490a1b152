/* SPDX-License-Identifier: MIT */
/* Requests of a paravirtual disk: their pages and grants, the queue, completion. */
#include "blkqueue.h"

#include "../xen/event.h"
#include "../xen/grant.h"
#include "../xen/idle.h"

#include <nub/errno.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>

/* A page that stays granted to the back end as long as the disk is connected, if the back
 * end can do that. Otherwise it is granted for one request. */
struct bpage {
	struct bpage *next;
	struct page *page;
	grant_ref_t ref; /* 0: not granted */
};

struct request {
	struct blk_io io; /* page_priv: struct bpage */
	struct bpage *indirect;
};

/* --- pages --- */

static void page_release(struct blkfront *b, struct bpage *p)
{
	if (p->ref)
		grant_end_page(p->ref, p->page, b);
	else
		page_put(p->page);
	kfree(p);
}

static struct bpage *page_take(struct blkfront *b)
{
	struct bpage *p = b->free;

	if (p) {
		b->free = p->next;
		b->n_free--;
		return p;
	}
	p = kzalloc(sizeof(*p));
	if (!p)
		return NULL;
	/* Cleared: all of it will be shown to the back end. */
	p->page = page_alloc(0, ALLOC_ZERO);
	if (!p->page) {
		kfree(p);
		return NULL;
	}
	b->pages++;
	return p;
}

/* A back end that keeps no grants must not see the page after its request. */
static void page_give(struct blkfront *b, struct bpage *p)
{
	if (p->ref && !b->persistent) {
		if (!grant_end(p->ref)) {
			b->pages--;
			b->holds = true;
			page_release(b, p);
			return;
		}
		p->ref = 0;
	}
	p->next = b->free;
	b->free = p;
	b->n_free++;
}

static bool page_grant(struct blkfront *b, struct bpage *p)
{
	/* Written by the back end or read by it: a page may serve either next time. */
	if (!p->ref)
		p->ref = grant_access(b->xb->other_dom, page_to_pfn(p->page), false);
	return p->ref;
}

/* --- requests --- */

static struct blk_io *blkfront_get(struct blkdev *dev, u32 bytes)
{
	struct blkfront *b = dev->priv;
	unsigned n = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
	struct request *r;

	if (n + (n > BLKRING_DIRECT_SEGS) > b->n_free + BLKQUEUE_PAGES - b->pages)
		return NULL;
	r = kzalloc(sizeof(*r));
	if (!r)
		return NULL;
	r->io.dev = dev;
	list_init(&r->io.link);
	if (n > BLKRING_DIRECT_SEGS) {
		r->indirect = page_take(b);
		if (!r->indirect)
			goto fail;
	}
	for (; r->io.npages < n; r->io.npages++) {
		struct bpage *p = page_take(b);

		if (!p)
			goto fail;
		r->io.page_priv[r->io.npages] = p;
		r->io.pages[r->io.npages] = page_to_virt(p->page);
	}
	return &r->io;
fail:
	dev->ops->put(&r->io);
	return NULL;
}

static void blkfront_put(struct blk_io *io)
{
	struct request *r = container_of(io, struct request, io);
	struct blkfront *b = io->dev->priv;

	for (unsigned i = 0; i < io->npages; i++)
		page_give(b, io->page_priv[i]);
	if (r->indirect)
		page_give(b, r->indirect);
	kfree(r);
	waitq_wake_one(&b->dev.wq);
}

/* Puts one request into the ring: false when there is no room for it now. */
static bool push(struct blkfront *b, struct request *r)
{
	grant_ref_t refs[BLK_IO_PAGES];
	struct blk_io *io = &r->io;
	int slot = blkring_free_slot(&b->ring);
	struct blkring_io req = {
		.op = io->op == BLK_READ    ? BLKIF_OP_READ
		      : io->op == BLK_WRITE ? BLKIF_OP_WRITE
					    : BLKIF_OP_FLUSH_DISKCACHE,
		.handle = b->handle,
		.sector = io->sector,
		.bytes = (u32)io->bytes,
		.grefs = refs,
	};

	if (slot < 0)
		return false;
	for (unsigned i = 0; i < io->npages; i++) {
		struct bpage *p = io->page_priv[i];

		if (!page_grant(b, p))
			return false;
		refs[i] = p->ref;
	}
	if (r->indirect) {
		if (!page_grant(b, r->indirect))
			return false;
		req.indirect = page_to_virt(r->indirect->page);
		req.indirect_gref = r->indirect->ref;
	}
	if (io->op == BLK_DISCARD)
		blkring_put_discard(&b->ring, (unsigned)slot, b->handle, io->sector,
				    io->bytes / 512);
	else
		blkring_put_io(&b->ring, (unsigned)slot, &req);
	b->slots[slot] = r;
	return true;
}

void blkqueue_run(struct blkfront *b)
{
	bool any = false;

	if (!b->connected || b->draining)
		return;
	while (!list_empty(&b->queue)) {
		struct blk_io *io = list_first(&b->queue, struct blk_io, link);

		if (!push(b, container_of(io, struct request, io)))
			break;
		list_del(&io->link);
		any = true;
	}
	if (any && blkring_publish(&b->ring))
		event_notify_soon((u32)b->port);
}

static void blkfront_start(struct blk_io *io)
{
	struct blkfront *b = io->dev->priv;

	if (b->dev.gone) {
		blk_io_done(io, -EIO);
		return;
	}
	list_add_tail(&b->queue, &io->link);
	blkqueue_run(b);
}

static void pool_free(struct blkfront *b)
{
	while (b->free) {
		struct bpage *p = b->free;

		b->free = p->next;
		b->n_free--;
		b->pages--;
		page_release(b, p);
	}
}

void blkqueue_release(struct blkdev *dev)
{
	struct blkfront *b = dev->priv;

	pool_free(b);
	kfree(b);
}

static bool blkfront_wait(struct blkdev *dev, u64 when)
{
	struct blkfront *b = dev->priv;

	/* A closing one takes nothing new, and the caller may be in xenbus' way. */
	if (!b->connected || b->draining)
		return false;
	event_wait((u32)b->port, when);
	return true;
}

const struct blkdev_ops blkqueue_ops = {
	.get = blkfront_get,
	.start = blkfront_start,
	.put = blkfront_put,
	.wait = blkfront_wait,
	.release = blkqueue_release,
};

static void complete(struct blkfront *b, struct request *r, int status)
{
	int err = status == BLKIF_RSP_OKAY ? 0 : -EIO;

	if (status == BLKIF_RSP_EOPNOTSUPP && r->io.op == BLK_FLUSH) {
		b->dev.can_flush = false;
		err = 0;
	} else if (status == BLKIF_RSP_EOPNOTSUPP && r->io.op == BLK_DISCARD) {
		b->dev.can_discard = false;
		err = -EOPNOTSUPP;
	}
	blk_io_done(&r->io, err);
}

void blkqueue_fail(struct blkfront *b)
{
	while (!list_empty(&b->queue)) {
		struct blk_io *io = list_first(&b->queue, struct blk_io, link);

		list_del(&io->link);
		blk_io_done(io, -EIO);
	}
	waitq_wake(&b->dev.wq, 0);
}

/* Its answers cannot be trusted from now on: no more are taken. The pages it may still
 * write to are not freed by this. */
static void lose(struct blkfront *b, const char *why)
{
	printk("%s: the back end %s\n", b->dev.name, why);
	b->connected = false;
	b->dev.gone = true;
	for (unsigned slot = 0; slot < BLKRING_SLOTS; slot++)
		if (b->slots[slot])
			list_add_tail(&b->queue, &b->slots[slot]->io.link);
	memset(b->slots, 0, sizeof(b->slots));
	blkqueue_fail(b);
}

/* Interrupt context. */
void blkqueue_event(u32 port, void *arg)
{
	struct blkfront *b = arg;
	unsigned slot;
	int status, got;

	if (!b->connected)
		return;
	while ((got = blkring_next(&b->ring, &slot, &status)) > 0) {
		struct request *r = b->slots[slot];

		b->slots[slot] = NULL;
		complete(b, r, status);
	}
	if (got < 0) {
		lose(b, "broke the protocol");
		return;
	}
	if (b->holds && grant_held(b) > GRANT_HELD_MAX) {
		lose(b, "keeps what it has answered");
		return;
	}
	b->holds = false;
	blkqueue_run(b);
	if (b->draining && !blkqueue_busy(b))
		xenbus_kick(b->xb);
}

void blkqueue_take_back(struct blkfront *b)
{
	for (unsigned i = BLKRING_SLOTS; i-- > 0;) {
		struct request *r = b->slots[i];

		if (!r)
			continue;
		b->slots[i] = NULL;
		list_add(&b->queue, &r->io.link);
	}
	b->ring.busy = 0;
	pool_free(b);
}

/* Pages of waiting requests still carry grants to the old back end. */
void blkqueue_regrant(struct blkfront *b)
{
	struct blk_io *io;

	list_for_each(io, &b->queue, link) {
		struct request *r = container_of(io, struct request, io);

		for (unsigned i = 0; i <= io->npages; i++) {
			struct bpage *p = i < io->npages ? io->page_priv[i] : r->indirect;

			if (p && p->ref && grant_end(p->ref))
				p->ref = 0;
		}
	}
}
