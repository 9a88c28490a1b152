/* SPDX-License-Identifier: MIT */
/* A PCI device that dom0's pciback lends: connecting, its end. */
#include "pcifront.h"

#include "pcidev.h"
#include "pcimem.h"
#include "pciop.h"

#include "../xen/event.h"
#include "../xen/grant.h"

#include <nub/errno.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>

/* Programs can write the nodes that name the back end.  Only dom0 lends. */
#define BACKEND "/local/domain/0/backend/pci/"
#define DEVICES_MAX 32u

/*
 * A back end of pciback's can have several devices.  The launcher makes one for each, whose
 * number there is 0: they come, go and break one by one.
 */
struct pcifront {
	struct xenbus_device *xb;
	struct page *page; /* NULL: not set up */
	grant_ref_t ref;
	int port;
	struct pciop op;
	struct pcidev *dev; /* NULL: not connected */
};

static unsigned fronts;

static void pci_event(u32 port, void *arg)
{
	struct pcifront *p = arg;

	pciop_event(&p->op);
}

static void disconnect(struct pcifront *p)
{
	if (!p->page)
		return;
	if (p->dev) {
		printk("pci: %s is taken back\n", pcidev_name(p->dev));
		pcidev_remove(p->dev);
		p->dev = NULL;
	}
	pciop_stop(&p->op);
	if (p->port >= 0)
		event_close((u32)p->port);
	p->port = -1;
	if (p->ref)
		grant_end_page(p->ref, p->page, p);
	else
		page_put(p->page);
	p->ref = 0;
	p->page = NULL;
}

static int setup(struct pcifront *p)
{
	struct xenbus_device *d = p->xb;
	int err;

	if (grant_held(p) > GRANT_HELD_MAX)
		return -EBUSY;
	p->page = page_alloc(0, ALLOC_ZERO);
	if (!p->page)
		return -ENOMEM;
	pciop_init(&p->op, page_to_virt(p->page));
	p->ref = grant_access(d->other_dom, page_to_pfn(p->page), false);
	err = p->ref ? 0 : -ENOSPC;
	if (!err) {
		p->port = event_alloc_unbound(d->other_dom, pci_event, p);
		err = p->port < 0 ? p->port : 0;
	}
	if (err)
		goto fail;
	p->op.port = (u32)p->port;
	err = xenbus_write(d, "pci-op-ref", "%u", p->ref);
	if (!err)
		err = xenbus_write(d, "event-channel", "%d", p->port);
	if (!err)
		err = xenbus_write(d, "magic", "%s", XEN_PCI_MAGIC);
	if (err)
		goto fail;
	xenbus_set_state(d, XenbusStateInitialised);
	return 0;
fail:
	disconnect(p);
	return err;
}

static bool read_place(struct pcifront *p, const char *what, struct pciop_place *place)
{
	char path[sizeof(p->xb->other) + 16], text[24] = "";

	snprintf(path, sizeof(path), "%s/%s", p->xb->other, what);
	return !store_read(path, text, sizeof(text)) && pcidev_parse(text, place);
}

static void connect(struct pcifront *p)
{
	struct pciop_place real, at;
	struct pcidev *dev;

	if (!p->page || p->dev)
		return;
	if (!read_place(p, "dev-0", &real) || !read_place(p, "vdev-0", &at)) {
		printk("pci: %s names no device\n", p->xb->other);
		return;
	}
	dev = pcidev_create(&p->op, p->xb, &real, &at);
	if (IS_ERR(dev)) {
		printk("pci: %s: %ld\n", p->xb->other, PTR_ERR(dev));
		return;
	}
	p->dev = dev;
	printk("pci: %s is lent\n", pcidev_name(dev));
	if (pcidev_has_msix(dev))
		pcimem_offer();
	xenbus_set_state(p->xb, XenbusStateConnected);
}

static void changed(struct xenbus_device *d, enum xenbus_state state)
{
	struct pcifront *p = d->priv;
	bool online;
	int err;

	if (d->gone)
		return;
	switch (state) {
	case XenbusStateInitWait:
	case XenbusStateInitialised:
		err = p->page ? 0 : setup(p);
		if (err)
			printk("pci: cannot connect: %d\n", err);
		return;
	case XenbusStateConnected:
		connect(p);
		return;
	case XenbusStateClosing:
	case XenbusStateClosed:
		online = xenbus_online(d);
		disconnect(p);
		d->gone = !online;
		xenbus_closed(d, state, online);
		return;
	default:
		return;
	}
}

static void removed(struct xenbus_device *d)
{
	struct pcifront *p = d->priv;

	disconnect(p);
	kfree(p);
	fronts--;
}

static int probe(struct xenbus_device *d)
{
	struct pcifront *p;

	if (d->other_dom || strncmp(d->other, BACKEND, sizeof(BACKEND) - 1))
		return -EPERM;
	if (fronts == DEVICES_MAX)
		return -ENOSPC;
	p = kzalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->xb = d;
	p->port = -1;
	d->priv = p;
	fronts++;
	return 0;
}

const struct xenbus_driver pcifront_driver = {
	.type = "pci",
	.probe = probe,
	.changed = changed,
	.removed = removed,
};
