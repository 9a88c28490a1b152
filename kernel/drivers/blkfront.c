/* SPDX-License-Identifier: MIT */
/*
 * Paravirtual disks: connecting, the queue of requests, completion, loss of the
 * back end.
 */
#include "blkfront.h"
#include "blkring.h"

#include "../xen/event.h"
#include "../xen/grant.h"

#include <nub/blkdev.h>
#include <nub/errno.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>

/* A device's number: XVD_MAJOR << 8 | disk << 4 | part, or EXTENDED | disk << 8 | part
 * (xen-vbd-interface(7)). */
#define XVD_MAJOR 202u
#define EXTENDED (1u << 28)
#define XVD_DISKS (26 + 26 * 26) /* xvda to xvdzz */
#define POOL_MAX 352u /* pages of data in flight: 32 requests of 11 segments, 1.4 MiB */

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

struct blkfront {
	struct blkdev dev;
	struct xenbus_device *xb;
	u16 handle;
	struct page *ring_page;
	grant_ref_t ring_ref;
	int port; /* < 0: none */
	struct blkring ring;
	struct request *slots[BLKRING_SLOTS];
	struct list queue; /* started, not in the ring; blk_io.link */
	struct bpage *free;
	unsigned pages; /* that exist; n_free of them are in `free` */
	unsigned n_free;
	unsigned max_segs;
	bool connected, persistent;
	bool holds;    /* the back end kept a page that it had answered */
	bool draining; /* the back end is closing: nothing new goes into the ring */
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

	if (n + (n > BLKRING_DIRECT_SEGS) > b->n_free + POOL_MAX - b->pages)
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

static bool in_flight(const struct blkfront *b)
{
	return b->ring.busy;
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

static void run_queue(struct blkfront *b)
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
		event_notify((u32)b->port);
}

static void blkfront_start(struct blk_io *io)
{
	struct blkfront *b = io->dev->priv;

	if (b->dev.gone) {
		blk_io_done(io, -EIO);
		return;
	}
	list_add_tail(&b->queue, &io->link);
	run_queue(b);
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

static void blkfront_release(struct blkdev *dev)
{
	struct blkfront *b = dev->priv;

	pool_free(b);
	kfree(b);
}

static const struct blkdev_ops blkfront_ops = {
	.get = blkfront_get,
	.start = blkfront_start,
	.put = blkfront_put,
	.release = blkfront_release,
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

static void fail_all(struct blkfront *b)
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
	fail_all(b);
}

/* Interrupt context. */
static void blkfront_event(u32 port, void *arg)
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
	run_queue(b);
	if (b->draining && !in_flight(b))
		xenbus_kick(b->xb);
}

/* --- connection --- */

static void disconnect(struct blkfront *b)
{
	b->connected = b->draining = false;
	if (b->port >= 0)
		event_close((u32)b->port);
	b->port = -1;
	if (b->ring_ref)
		grant_end_page(b->ring_ref, b->ring_page, b);
	b->ring_ref = 0;
	/* The old back end's requests go to the next one, in front. */
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
static void regrant(struct blkfront *b)
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

static int setup(struct blkfront *b)
{
	struct xenbus_device *d = b->xb;
	int err;

	disconnect(b);
	regrant(b);
	if (grant_held(b) > GRANT_HELD_MAX)
		return -EBUSY;
	b->ring_page = page_alloc(0, ALLOC_ZERO);
	if (!b->ring_page)
		return -ENOMEM;
	blkring_init(&b->ring, page_to_virt(b->ring_page));
	b->ring_ref = grant_access(d->other_dom, page_to_pfn(b->ring_page), false);
	if (!b->ring_ref) {
		page_put(b->ring_page);
		return -ENOSPC;
	}
	b->port = event_alloc_unbound(d->other_dom, blkfront_event, b);
	if (b->port < 0)
		return b->port;
	err = xenbus_write(d, "ring-ref", "%u", b->ring_ref);
	if (!err)
		err = xenbus_write(d, "event-channel", "%d", b->port);
	if (!err)
		err = xenbus_write(d, "protocol", "x86_64-abi");
	if (!err)
		err = xenbus_write(d, "feature-persistent", "1");
	if (!err)
		xenbus_set_state(d, XenbusStateInitialised);
	return err;
}

static u32 block_size(u64 v, u32 otherwise)
{
	return v >= 512 && v <= 4096 && !(v & (v - 1)) ? (u32)v : otherwise;
}

static void read_properties(struct blkfront *b)
{
	enum {
		INFO,
		SECTORS,
		LOGICAL,
		PHYSICAL,
		FLUSH,
		DISCARD,
		GRANULARITY,
		PERSISTENT,
		SEGS
	};
	struct store_node p[] = {
		[INFO] = {"info", 0, NULL, 0},
		[SECTORS] = {"sectors", 0, NULL, 0},
		[LOGICAL] = {"sector-size", 512, NULL, 0},
		[PHYSICAL] = {"physical-sector-size", 0, NULL, 0},
		[FLUSH] = {"feature-flush-cache", 0, NULL, 0},
		[DISCARD] = {"feature-discard", 0, NULL, 0},
		[GRANULARITY] = {"discard-granularity", 0, NULL, 0},
		[PERSISTENT] = {"feature-persistent", 0, NULL, 0},
		[SEGS] = {"feature-max-indirect-segments", 0, NULL, 0},
	};
	u64 segs;

	xenbus_read_nodes(b->xb, p, ARRAY_SIZE(p));
	segs = p[SEGS].value;
	b->dev.sectors = MIN(p[SECTORS].value, 1UL << 52);
	b->dev.logical_size = block_size(p[LOGICAL].value, 512);
	b->dev.physical_size = block_size(p[PHYSICAL].value, b->dev.logical_size);
	b->dev.readonly = p[INFO].value & VDISK_READONLY;
	b->dev.cdrom = p[INFO].value & VDISK_CDROM;
	b->dev.can_flush = p[FLUSH].value;
	b->dev.can_discard = p[DISCARD].value;
	b->dev.discard_granularity =
		p[GRANULARITY].value ? (u32)p[GRANULARITY].value : b->dev.logical_size;
	b->persistent = p[PERSISTENT].value;
	b->max_segs = segs > BLKRING_DIRECT_SEGS
			      ? (unsigned)MIN(segs, (u64)BLKRING_INDIRECT_SEGS)
			      : BLKRING_DIRECT_SEGS;
	b->dev.max_bytes = b->max_segs * BLKRING_SEG_SIZE;
}

static void resize(struct blkfront *b)
{
	u64 sectors = MIN(xenbus_read_other(b->xb, "sectors", b->dev.sectors), 1UL << 52);

	if (sectors == b->dev.sectors)
		return;
	printk("%s: now %lu sectors\n", b->dev.name, (unsigned long)sectors);
	b->dev.sectors = sectors;
	blkdev_resized(&b->dev);
}

static void connect(struct blkfront *b)
{
	unsigned old_max = b->max_segs;

	if (b->connected) {
		resize(b);
		return;
	}
	if (b->port < 0 || b->dev.gone)
		return;
	read_properties(b);
	if (old_max > b->max_segs && !list_empty(&b->queue)) {
		printk("%s: the new back end takes smaller requests\n", b->dev.name);
		fail_all(b);
	}
	b->connected = true;
	xenbus_set_state(b->xb, XenbusStateConnected);
	if (!b->dev.dent) {
		int err = blkdev_register(&b->dev, XVD_MAJOR, b->xb->id & 0xff);

		printk("%s: %lu sectors%s%s%s, %u KiB requests%s\n", b->dev.name,
		       (unsigned long)b->dev.sectors,
		       b->dev.readonly ? ", read-only" : "",
		       b->dev.can_flush ? ", flush" : "",
		       b->dev.can_discard ? ", discard" : "", b->dev.max_bytes / 1024,
		       err ? ": not registered" : "");
	} else {
		blkdev_resized(&b->dev);
	}
	run_queue(b);
	waitq_wake(&b->dev.wq, 0);
}

/* No new open finds it; its open files get EIO. */
static void give_up(struct blkfront *b)
{
	disconnect(b);
	b->dev.gone = true;
	fail_all(b);
	blkdev_unregister(&b->dev);
}

static void changed(struct xenbus_device *d, enum xenbus_state state)
{
	struct blkfront *b = d->priv; /* freed when d->gone */
	bool online;
	int err;

	if (d->gone)
		return;

	switch (state) {
	case XenbusStateInitWait:
		if (b->dev.gone || (b->port >= 0 && !b->connected))
			return;
		err = setup(b);
		if (err)
			printk("%s: cannot connect: %d\n", b->dev.name, err);
		return;
	case XenbusStateConnected:
		connect(b);
		return;
	case XenbusStateClosing:
		/* Requests on their way get there; later ones wait for a new back end, if
		 * there is to be one. */
		if (b->connected && in_flight(b)) {
			b->draining = true;
			return;
		}
		/* fall through */
	case XenbusStateClosed:
		online = xenbus_online(d);
		if (online) {
			disconnect(b);
		} else {
			printk("%s: taken away\n", b->dev.name);
			d->gone = true;
			give_up(b);
		}
		xenbus_closed(d, state, online);
		return;
	default:
		return;
	}
}

static void removed(struct xenbus_device *d)
{
	struct blkfront *b = d->priv;

	if (d->gone)
		return;
	if (b->dev.dent) {
		give_up(b);
	} else { /* never connected: nobody knows it */
		disconnect(b);
		blkfront_release(&b->dev);
	}
}

static unsigned disk_of(unsigned id)
{
	return id & EXTENDED ? id >> 8 & 0xfffff : id >> 4 & 15;
}

static void name_from_id(char *name, size_t size, unsigned id)
{
	unsigned disk = disk_of(id), part = id & (id & EXTENDED ? 0xff : 15);
	char letters[4] = {0};

	if (disk >= 26) {
		letters[0] = (char)('a' + disk / 26 - 1);
		letters[1] = (char)('a' + disk % 26);
	} else {
		letters[0] = (char)('a' + disk);
	}
	if (part)
		snprintf(name, size, "xvd%s%u", letters, part);
	else
		snprintf(name, size, "xvd%s", letters);
}

static int probe(struct xenbus_device *d)
{
	struct blkfront *b;

	if (!(d->id & EXTENDED) && d->id >> 8 != XVD_MAJOR)
		return -ENODEV;
	if (disk_of(d->id) >= XVD_DISKS)
		return -ENODEV;
	b = kzalloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	name_from_id(b->dev.name, sizeof(b->dev.name), d->id);
	b->dev.ops = &blkfront_ops;
	b->dev.priv = b;
	waitq_init(&b->dev.wq);
	list_init(&b->queue);
	b->xb = d;
	b->port = -1;
	b->handle = (u16)d->id;
	d->priv = b;
	return 0;
}

const struct xenbus_driver blkfront_driver = {
	.type = "vbd",
	.probe = probe,
	.changed = changed,
	.removed = removed,
};
