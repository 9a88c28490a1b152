/* SPDX-License-Identifier: MIT */
/*
 * Paravirtual devices: finding them in xenstore, and the dance of states with back
 * ends.
 */
#ifndef NUB_XEN_XENBUS_H
#define NUB_XEN_XENBUS_H

#include "store.h"

#include <nub/list.h>

#include <xen/xen.h>

#include <xen/io/xenbus.h>

struct xenbus_device;

/* All calls are made by the xenbus thread, one at a time; they may sleep. */
struct xenbus_driver {
	const char *type; /* below device/ */
	/* A new device; 0 or negative errno (then it is left alone). Sets d->priv. */
	int (*probe)(struct xenbus_device *d);
	/* The back end's state, whenever it changed or something of its was written. */
	void (*changed)(struct xenbus_device *d, enum xenbus_state state);
	/* The toolstack took it away, or put another one in its place. `d` is not to be
	 * used after this; the back end's acts do not matter. */
	void (*removed)(struct xenbus_device *d);
};

struct xenbus_device {
	struct list link;
	const struct xenbus_driver *driver;
	unsigned id;
	char node[32];	/* device/vbd/51712 */
	char other[64]; /* the back end's path */
	domid_t other_dom;
	enum xenbus_state state; /* ours, as last written */
	bool dirty;
	bool listed;		  /* by the scan that is going on */
	bool gone;		  /* the driver's: it has let go of the device for good */
	struct store_watch watch; /* on the back end's state */
	void *priv;
};

/* Starts the thread that serves the drivers; `drivers` ends with NULL. */
void xenbus_start(const struct xenbus_driver *const *drivers);
/* A number that the back end wrote, or `otherwise` when there is none. */
u64 xenbus_read_other(struct xenbus_device *d, const char *name, u64 otherwise);
/* Several of them at once (store_read_nodes). */
void xenbus_read_nodes(struct xenbus_device *d, struct store_node *list, unsigned n);
/* Both do not wait for the answer (store_post). */
int xenbus_write(struct xenbus_device *d, const char *name, const char *fmt, ...)
	__printf(3, 4);
void xenbus_set_state(struct xenbus_device *d, enum xenbus_state state);
/* False: the toolstack is taking the device away. True: the back end may come back. */
bool xenbus_online(struct xenbus_device *d);
/* The driver has let go, because the back end is closing or closed (`state`). Says so,
 * and begins anew if the back end may come back. */
static inline void xenbus_closed(struct xenbus_device *d, enum xenbus_state state,
				 bool online)
{
	xenbus_set_state(d, XenbusStateClosed);
	if (online && state == XenbusStateClosed)
		xenbus_set_state(d, XenbusStateInitialising);
}
/* Has changed() called soon; from any context. */
void xenbus_kick(struct xenbus_device *d);

#endif
