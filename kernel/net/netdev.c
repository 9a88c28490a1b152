/* SPDX-License-Identifier: MIT */
/* The list of network interfaces, and frames on their way in and out of them. */
#include "bridge.h"
#include "gso.h"

#include <nub/errno.h>
#include <nub/frame.h>
#include <nub/netbuf.h>
#include <nub/netdev.h>
#include <nub/string.h>

static struct list devices = LIST_INIT(devices);
static int next_index = 1;

int netdev_register(struct netdev *dev)
{
	if (!dev->name[0] || netdev_find(dev->name))
		return -EEXIST;
	dev->index = next_index++;
	list_init(&dev->port);
	list_add_tail(&devices, &dev->link);
	return 0;
}

void netdev_unregister(struct netdev *dev)
{
	if (dev->master)
		bridge_remove(dev->master, dev);
	list_del(&dev->link);
	if (dev->ops->release)
		dev->ops->release(dev);
}

struct netdev *netdev_find(const char *name)
{
	struct netdev *d;

	list_for_each(d, &devices, link)
		if (!strncmp(d->name, name, sizeof(d->name)))
			return d;
	return NULL;
}

struct netdev *netdev_after(int index)
{
	struct netdev *d;

	/* Indexes only grow, so the list is in their order. */
	list_for_each(d, &devices, link)
		if (d->index > index)
			return d;
	return NULL;
}

struct netdev *netdev_by_index(int index)
{
	struct netdev *d = netdev_after(index - 1);

	return d && d->index == index ? d : NULL;
}

void netdev_receive(struct netdev *dev, struct netbuf *nb)
{
	if (!dev->up || !dev->rx) {
		dev->rx_dropped++;
		netbuf_free(nb);
		return;
	}
	dev->rx_packets++;
	dev->rx_bytes += nb->total;
	dev->rx(dev, nb);
}

/* One after the other: their number is the guest's word. */
static int xmit_cut(struct netdev *dev, struct netbuf *nb)
{
	struct netbuf *seg;
	struct gso_cut cut;
	int ret = gso_begin(nb, &cut);

	if (ret < 0)
		dev->tx_dropped++;
	while (!ret && (seg = gso_next(nb, &cut)))
		netdev_xmit(dev, seg);
	netbuf_free(nb);
	return ret;
}

/* The NETBUF_* work that the way out does for this frame. */
static u32 features_for(const struct netdev *dev, const struct netbuf *nb)
{
	u8 type[2] = {0};

	if (!netbuf_read(nb, ETH_TYPE, type, 2))
		return 0;
	switch (frame_get16(type)) {
	case TYPE_VLAN:
	case TYPE_SERVICE_VLAN:
		return dev->vlan_features;
	default:
		return dev->features;
	}
}

int netdev_xmit(struct netdev *dev, struct netbuf *nb)
{
	u32 bytes = nb->total, undone = 0;
	int ret;

	if (!dev->up || !dev->carrier)
		goto drop;
	/* The MTU counts an untagged frame, as in Linux; a tag is 4 bytes more. */
	if (bytes > dev->mtu + ETH_HEADER + VLAN_TAG &&
	    !(nb->flags & (NETBUF_GSO4 | NETBUF_GSO6)))
		goto drop;
	if (nb->flags & (NETBUF_CSUM | NETBUF_GSO4 | NETBUF_GSO6))
		undone = nb->flags & ~features_for(dev, nb);
	/* A guest's NIC may leave the cutting to its tap, for any way out. */
	if (undone & (NETBUF_GSO4 | NETBUF_GSO6))
		return xmit_cut(dev, nb);
	if (undone & NETBUF_CSUM && netbuf_csum_fill(nb) < 0)
		goto drop;
	ret = dev->ops->xmit(dev, nb);
	if (ret < 0) {
		dev->tx_dropped++;
		return ret;
	}
	dev->tx_packets++;
	dev->tx_bytes += bytes;
	return 0;
drop:
	dev->tx_dropped++;
	netbuf_free(nb);
	return -ENETDOWN;
}
