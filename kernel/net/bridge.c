/* SPDX-License-Identifier: MIT */
/* A learning bridge; with two ports it is a wire. */
#include "bridge.h"

#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/frame.h>
#include <nub/netbuf.h>
#include <nub/netdev.h>
#include <nub/slab.h>
#include <nub/string.h>

#define FDB_SIZE 256 /* stations that are remembered; power of two */
#define FDB_PROBES 4
#define FDB_AGEING (300 * NS_PER_SEC)

struct station {
	u8 mac[MAC_LEN];
	u64 seen;
	struct netdev *port; /* NULL: empty */
};

struct bridge {
	struct netdev dev;
	struct list ports;
	unsigned nports;
	u64 ageing;
	struct station fdb[FDB_SIZE];
};

static const struct netdev_ops bridge_ops;

bool netdev_is_bridge(const struct netdev *dev)
{
	return dev->ops == &bridge_ops;
}

static unsigned hash(const u8 *mac)
{
	u32 h = 2166136261u;

	for (unsigned i = 0; i < MAC_LEN; i++)
		h = (h ^ mac[i]) * 16777619u;
	return (h ^ h >> 16) & (FDB_SIZE - 1);
}

static struct station *fdb_find(struct bridge *b, const u8 *mac)
{
	unsigned h = hash(mac);

	for (unsigned i = 0; i < FDB_PROBES; i++) {
		struct station *s = &b->fdb[(h + i) & (FDB_SIZE - 1)];

		if (s->port && !memcmp(s->mac, mac, MAC_LEN))
			return s;
	}
	return NULL;
}

/* A guest can claim any number of addresses: the oldest of a few places gives way. */
static void fdb_learn(struct bridge *b, const u8 *mac, struct netdev *port)
{
	struct station *s = fdb_find(b, mac);
	unsigned h = hash(mac);

	for (unsigned i = 0; !s && i < FDB_PROBES; i++) {
		struct station *t = &b->fdb[(h + i) & (FDB_SIZE - 1)];

		if (!t->port)
			s = t;
	}
	if (!s) {
		s = &b->fdb[h];
		for (unsigned i = 1; i < FDB_PROBES; i++) {
			struct station *t = &b->fdb[(h + i) & (FDB_SIZE - 1)];

			if (t->seen < s->seen)
				s = t;
		}
	}
	memcpy(s->mac, mac, MAC_LEN);
	s->port = port;
	s->seen = clock_now();
}

static void flood(struct bridge *b, struct netdev *from, struct netbuf *nb)
{
	struct netdev *p, *last = NULL;

	list_for_each(p, &b->ports, port) {
		struct netbuf *copy;

		if (p == from || !p->up)
			continue;
		if (last) {
			copy = netbuf_copy(nb);
			if (copy)
				netdev_xmit(last, copy);
			else
				last->tx_dropped++;
		}
		last = p;
	}
	if (last)
		netdev_xmit(last, nb);
	else
		netbuf_free(nb);
}

static void bridge_rx(struct netdev *from, struct netbuf *nb)
{
	struct bridge *b = from->master->priv;
	struct station *s;
	u8 h[2 * MAC_LEN]; /* to, from */

	if (!b->dev.up || !netbuf_read(nb, 0, h, sizeof(h))) {
		netbuf_free(nb);
		return;
	}
	b->dev.rx_packets++;
	b->dev.rx_bytes += nb->total;
	if (b->nports == 2) {
		struct netdev *a = list_first(&b->ports, struct netdev, port);

		netdev_xmit(a == from ? list_entry(a->port.next, struct netdev, port) : a,
			    nb);
		return;
	}
	if (!(h[MAC_LEN] & 1) && b->ageing)
		fdb_learn(b, h + MAC_LEN, from);
	s = h[0] & 1 ? NULL : fdb_find(b, h);
	if (!s || clock_now() - s->seen > b->ageing)
		flood(b, from, nb);
	else if (s->port == from)
		netbuf_free(nb);
	else
		netdev_xmit(s->port, nb);
}

/* Nothing of ours speaks through the bridge itself. */
static int bridge_xmit(struct netdev *dev, struct netbuf *nb)
{
	netbuf_free(nb);
	return 0;
}

static void bridge_release(struct netdev *dev)
{
	kfree(dev->priv);
}

static const struct netdev_ops bridge_ops = {
	.xmit = bridge_xmit,
	.release = bridge_release,
};

int bridge_create(const char *name)
{
	struct bridge *b = kzalloc(sizeof(*b));
	int ret;

	if (!b)
		return -ENOMEM;
	list_init(&b->ports);
	b->ageing = FDB_AGEING;
	strlcpy(b->dev.name, name, sizeof(b->dev.name));
	b->dev.ops = &bridge_ops;
	b->dev.priv = b;
	b->dev.mtu = ETH_MTU;
	b->dev.carrier = true;
	ret = netdev_register(&b->dev);
	if (ret < 0)
		kfree(b);
	return ret;
}

int bridge_destroy(const char *name)
{
	struct netdev *dev = netdev_find(name);
	struct bridge *b;

	if (!dev)
		return -ENXIO;
	if (!netdev_is_bridge(dev))
		return -EPERM;
	if (dev->up)
		return -EBUSY;
	b = dev->priv;
	while (!list_empty(&b->ports))
		bridge_remove(dev, list_first(&b->ports, struct netdev, port));
	netdev_unregister(dev);
	return 0;
}

void bridge_set_ageing(struct netdev *dev, u64 ns)
{
	struct bridge *b = dev->priv;

	b->ageing = ns;
}

/* As Linux has it: the smallest of its ports'. */
void bridge_follow_mtu(struct netdev *dev)
{
	const struct bridge *b = dev->priv;
	struct netdev *p;
	u16 mtu = 0;

	list_for_each(p, &b->ports, port)
		if (!mtu || p->mtu < mtu)
			mtu = p->mtu;
	dev->mtu = mtu ? mtu : ETH_MTU;
}

unsigned bridge_ports(const struct netdev *dev, s32 *indexes)
{
	const struct bridge *b = dev->priv;
	struct netdev *p;
	unsigned n = 0;

	list_for_each(p, &b->ports, port)
		indexes[n++] = p->index;
	return n;
}

int bridge_add(struct netdev *dev, struct netdev *port)
{
	struct bridge *b = dev->priv;

	if (port->master)
		return -EBUSY;
	if (netdev_is_bridge(port))
		return -ELOOP;
	if (b->nports >= BRIDGE_PORTS_MAX)
		return -EXFULL;
	port->master = dev;
	port->rx = bridge_rx;
	list_add_tail(&b->ports, &port->port);
	b->nports++;
	bridge_follow_mtu(dev);
	return 0;
}

int bridge_remove(struct netdev *dev, struct netdev *port)
{
	struct bridge *b = dev->priv;

	if (port->master != dev)
		return -EINVAL;
	for (unsigned i = 0; i < FDB_SIZE; i++)
		if (b->fdb[i].port == port)
			b->fdb[i].port = NULL;
	list_del(&port->port);
	b->nports--;
	bridge_follow_mtu(dev);
	port->master = NULL;
	port->rx = NULL;
	return 0;
}
