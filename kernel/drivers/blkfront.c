/* SPDX-License-Identifier: MIT */
/* Paravirtual disks: connecting, the back end's states, its loss. */
#include "blkfront.h"
#include "blkqueue.h"

#include "../xen/event.h"
#include "../xen/grant.h"
#include "../xen/idle.h"

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

static void disconnect(struct blkfront *b)
{
	b->connected = b->draining = false;
	if (b->port >= 0) {
		event_send_now();
		event_close((u32)b->port);
	}
	b->port = -1;
	if (b->ring_ref)
		grant_end_page(b->ring_ref, b->ring_page, b);
	b->ring_ref = 0;
	blkqueue_take_back(b);
}

static int setup(struct blkfront *b)
{
	struct xenbus_device *d = b->xb;
	int err;

	disconnect(b);
	blkqueue_regrant(b);
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
	b->port = event_alloc_unbound(d->other_dom, blkqueue_event, b);
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
		blkqueue_fail(b);
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
	blkqueue_run(b);
	waitq_wake(&b->dev.wq, 0);
}

/* No new open finds it; its open files get EIO. */
static void give_up(struct blkfront *b)
{
	disconnect(b);
	b->dev.gone = true;
	blkqueue_fail(b);
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
		if (b->connected && blkqueue_busy(b)) {
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
		blkqueue_release(&b->dev);
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
	b->dev.ops = &blkqueue_ops;
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
