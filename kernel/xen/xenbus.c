/* SPDX-License-Identifier: MIT */
/*
 * Paravirtual devices: finding them in xenstore, and the dance of states with back
 * ends.
 */
#include "xenbus.h"

#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/string.h>

static struct list devices = LIST_INIT(devices);
static const struct xenbus_driver *const *drivers;
static struct store_watch root_watch;
static struct waitq work = {LIST_INIT(work.waiters)};
static bool rescan;

void xenbus_kick(struct xenbus_device *d)
{
	d->dirty = true;
	waitq_wake(&work, 0);
}

static void root_changed(struct store_watch *w)
{
	rescan = true;
	waitq_wake(&work, 0);
}

static void other_changed(struct store_watch *w)
{
	xenbus_kick(container_of(w, struct xenbus_device, watch));
}

void xenbus_set_state(struct xenbus_device *d, enum xenbus_state state)
{
	int err;

	if (d->state == state)
		return;
	err = xenbus_write(d, "state", "%d", state);
	if (err)
		printk("xenbus: %s: state %d: error %d\n", d->node, state, err);
	d->state = state;
}

u64 xenbus_read_other(struct xenbus_device *d, const char *name, u64 otherwise)
{
	char path[sizeof(d->other) + 32];
	u64 v;

	snprintf(path, sizeof(path), "%s/%s", d->other, name);
	return store_read_u64(path, &v) ? otherwise : v;
}

int xenbus_write(struct xenbus_device *d, const char *name, const char *fmt, ...)
{
	char path[sizeof(d->node) + 32], value[96];
	va_list ap;

	snprintf(path, sizeof(path), "%s/%s", d->node, name);
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return store_post(path, value);
}

void xenbus_read_nodes(struct xenbus_device *d, struct store_node *list, unsigned n)
{
	store_read_nodes(d->other, list, n);
}

bool xenbus_online(struct xenbus_device *d)
{
	return xenbus_read_other(d, "online", 1);
}

static struct xenbus_device *find(const char *node)
{
	struct xenbus_device *d;

	list_for_each(d, &devices, link)
		if (!strcmp(d->node, node))
			return d;
	return NULL;
}

static void add(const struct xenbus_driver *driver, const char *name)
{
	struct xenbus_device *d = kzalloc(sizeof(*d));
	char state[sizeof(d->other) + 8];
	enum { BACKEND, BACKEND_ID, STATE };
	struct store_node own[] = {
		[BACKEND] = {"backend", 0, d ? d->other : NULL, sizeof(d->other)},
		[BACKEND_ID] = {"backend-id", DOMID_INVALID, NULL, 0},
		[STATE] = {"state", XenbusStateUnknown, NULL, 0},
	};

	if (!d)
		return;
	d->driver = driver;
	d->id = (unsigned)strtou64(name, NULL);
	snprintf(d->node, sizeof(d->node), "device/%s/%s", driver->type, name);
	store_read_nodes(d->node, own, ARRAY_SIZE(own));
	if (!d->other[0] || own[BACKEND_ID].value >= DOMID_FIRST_RESERVED)
		goto fail;
	d->other_dom = (domid_t)own[BACKEND_ID].value;
	d->state = (enum xenbus_state)own[STATE].value;
	if (driver->probe(d))
		goto fail;
	d->listed = true;
	list_add_tail(&devices, &d->link);
	snprintf(state, sizeof(state), "%s/state", d->other);
	if (store_watch(&d->watch, state, other_changed))
		printk("xenbus: %s: no watch\n", d->node);
	return;
fail:
	kfree(d);
}

static void drop(struct xenbus_device *d)
{
	list_del(&d->link);
	store_unwatch(&d->watch);
	d->driver->removed(d);
	kfree(d);
}

/* A closed device may have gone and come again between two scans: the toolstack writes
 * its nodes anew, also the state that we wrote. */
static bool renewed(const struct xenbus_device *d)
{
	char path[sizeof(d->node) + 16];
	u64 state;

	if (d->state != XenbusStateClosed)
		return false;
	snprintf(path, sizeof(path), "%s/state", d->node);
	return store_read_u64(path, &state) || state != XenbusStateClosed;
}

static int seen(const char *name, void *arg)
{
	const struct xenbus_driver *driver = arg;
	struct xenbus_device *d;
	char node[32];

	if (strlen(name) > 16)
		return 0;
	snprintf(node, sizeof(node), "device/%s/%s", driver->type, name);
	d = find(node);
	if (d && renewed(d)) {
		drop(d);
		d = NULL;
	}
	if (d)
		d->listed = true;
	else
		add(driver, name);
	return 0;
}

static void scan_type(const struct xenbus_driver *driver)
{
	struct xenbus_device *d, *next;
	char path[32];
	int err;

	list_for_each(d, &devices, link)
		d->listed = false;
	snprintf(path, sizeof(path), "device/%s", driver->type);
	err = store_list(path, seen, (void *)driver);
	/* Only an answer says that something is not there. */
	if (err && err != -ENOENT)
		return;
	list_for_each_safe(d, next, &devices, link)
		if (d->driver == driver && !d->listed)
			drop(d);
}

static void serve(struct xenbus_device *d)
{
	u64 state = xenbus_read_other(d, "state", XenbusStateUnknown);

	d->driver->changed(d, state > XenbusStateReconfigured ? XenbusStateUnknown
							      : (enum xenbus_state)state);
}

static bool idle(void)
{
	struct xenbus_device *d;

	list_for_each(d, &devices, link)
		if (d->dirty)
			return false;
	return !rescan;
}

static void xenbus_thread(void *arg)
{
	struct xenbus_device *d;

	if (store_watch(&root_watch, "device", root_changed))
		printk("xenbus: cannot watch for devices\n");
	for (;;) {
		while (idle())
			waitq_sleep_hard(&work, NEVER);
		if (rescan) {
			rescan = false;
			for (const struct xenbus_driver *const *p = drivers; *p; p++)
				scan_type(*p);
		}
		/* Only this thread takes devices off the list, and not in here. */
		list_for_each(d, &devices, link) {
			if (!d->dirty)
				continue;
			d->dirty = false;
			serve(d);
		}
	}
}

void xenbus_start(const struct xenbus_driver *const *list)
{
	drivers = list;
	if (!kthread_create(xenbus_thread, NULL, "xenbus"))
		printk("xenbus: no thread\n");
}
