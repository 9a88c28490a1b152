/* SPDX-License-Identifier: MIT */
/* Paravirtual network interfaces: connecting, sending, receiving. */
#include "netfront.h"
#include "netring.h"

#include "../xen/event.h"
#include "../xen/grant.h"

#include <nub/errno.h>
#include <nub/frame.h>
#include <nub/netbuf.h>
#include <nub/netdev.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>

/*
 * Pages kept posted at first.  The number doubles, up to the ring's size, when the back end
 * has used up all.  Frames of a burst come faster than we have our turn.
 */
#define RX_BUFFERS 64u
#define RX_PIECES_MAX 18u /* of one frame: as many as a back end may send */
#define FRAGS_MAX 17u	  /* of one frame; the back end's limit is 18 slots with extras */

struct sent {
	struct netbuf *nb; /* one piece, NULL: free */
	grant_ref_t ref;
};

struct netfront {
	struct netdev dev;
	struct xenbus_device *xb;
	struct page *tx_page, *rx_page;
	grant_ref_t tx_ref, rx_ref;
	int port;
	bool connected;
	struct nettx_ring tx;
	struct netrx_ring rx;
	struct sent sent[NETRING_SLOTS];
	struct sent posted[NETRING_SLOTS];
	unsigned rx_buffers; /* to be kept posted */
	/* the frame that is being received */
	struct netbuf *frame, **frame_tail;
	unsigned frame_pieces;
	bool frame_bad, in_extra;
	bool holds; /* the back end kept a page that it had answered */
};

/*
 * Ends a grant and frees the piece; a page that the back end holds on to is not
 * reused.
 */
static void piece_end(struct netfront *n, struct sent *s)
{
	struct netbuf *nb = s->nb;

	s->nb = NULL;
	if (!grant_end(s->ref)) {
		grant_end_page(s->ref, nb->page, n);
		n->holds = true;
		nb->page = NULL;
	}
	netbuf_free(nb);
}

static void lose(struct netfront *n, const char *why)
{
	printk("%s: the back end %s\n", n->dev.name, why);
	n->connected = n->dev.carrier = false;
}

static void tx_complete(struct netfront *n)
{
	unsigned id;
	int status, got;

	while ((got = nettx_next(&n->tx, &id, &status)) > 0)
		if (n->sent[id].nb)
			piece_end(n, &n->sent[id]);
	if (got < 0)
		lose(n, "broke the protocol");
}

static int netfront_xmit(struct netdev *dev, struct netbuf *nb)
{
	struct netfront *n = dev->priv;
	bool gso = nb->flags & (NETBUF_GSO4 | NETBUF_GSO6);
	u32 total = nb->total;
	u16 flags = 0;
	unsigned frags = 0;

	for (struct netbuf *p = nb; p; p = p->next)
		frags++;
	if (n->connected && nettx_room(&n->tx) < frags + 1)
		tx_complete(n);
	if (!n->connected || frags > FRAGS_MAX || total > NETFRAME_MAX ||
	    nettx_room(&n->tx) < frags + 1)
		goto drop;
	if (nb->flags & NETBUF_CSUM)
		flags = NETTXF_csum_blank | NETTXF_data_validated;
	else if (nb->flags & NETBUF_CSUM_OK)
		flags = NETTXF_data_validated;
	if (gso)
		flags |= NETTXF_extra_info;
	for (struct netbuf *p = nb, *next; p; p = next) {
		grant_ref_t ref =
			grant_access(n->xb->other_dom, page_to_pfn(p->page), true);
		u16 off = (u16)((u64)p->data & (PAGE_SIZE - 1));
		u16 size = (u16)(p == nb ? total : p->len);
		int id;

		next = p->next;
		/* Without a grant the frame goes out with an empty reference, which the
		 * back end refuses: the chain of requests must stay whole. */
		id = nettx_put(&n->tx, ref, off, size,
			       (u16)(flags | (next ? NETTXF_more_data : 0)));
		if (p == nb && gso)
			nettx_put_gso(&n->tx, nb->gso_size, nb->flags & NETBUF_GSO6);
		flags = 0;
		p->next = NULL;
		if (id < 0 || !ref) {
			netbuf_free(p);
			continue;
		}
		n->sent[id] = (struct sent){p, ref};
	}
	if (nettx_publish(&n->tx))
		event_notify((u32)n->port);
	return 0;
drop:
	netbuf_free(nb);
	return -ENOBUFS;
}

static void netfront_release(struct netdev *dev)
{
	kfree(dev->priv);
}

static const struct netdev_ops netfront_ops = {
	.xmit = netfront_xmit,
	.release = netfront_release,
};

static void rx_refill(struct netfront *n)
{
	bool any = false;

	while (n->rx.prod - n->rx.cons < n->rx_buffers) {
		struct netbuf *nb = netbuf_alloc();
		unsigned slot = netrx_next_slot(&n->rx);
		grant_ref_t ref;

		if (!nb)
			break;
		nb->data = page_to_virt(nb->page);
		ref = grant_access(n->xb->other_dom, page_to_pfn(nb->page), false);
		if (!ref) {
			netbuf_free(nb);
			break;
		}
		n->posted[slot] = (struct sent){nb, ref};
		netrx_put(&n->rx, ref);
		any = true;
	}
	if (any && netrx_publish(&n->rx))
		event_notify((u32)n->port);
}

/* The frame is to be dropped: its first pieces go now, its later ones when they come. */
static void rx_spoil(struct netfront *n)
{
	n->frame_bad = true;
	netbuf_free(n->frame);
	n->frame = NULL;
}

static void rx_append(struct netfront *n, struct netbuf *nb, const struct netrx_frag *f)
{
	nb->data = (u8 *)page_to_virt(nb->page) + f->off;
	nb->len = f->len;
	if (!n->frame) {
		n->frame = nb;
		nb->flags = f->csum_blank ? NETBUF_CSUM : f->csum_ok ? NETBUF_CSUM_OK : 0;
		nb->total = 0;
		n->frame_pieces = 0;
	} else {
		*n->frame_tail = nb;
	}
	n->frame_tail = &nb->next;
	n->frame->total += f->len;
	if (++n->frame_pieces > RX_PIECES_MAX || n->frame->total > NETFRAME_MAX)
		rx_spoil(n);
}

/* One answer; hands in the frame when it is whole. */
static void rx_frag(struct netfront *n, const struct netrx_frag *f)
{
	struct sent *s = &n->posted[f->slot];
	struct netbuf *nb = s->nb;

	if (!nb)
		return;
	if (f->extra || f->bad || !f->len || n->frame_bad) {
		piece_end(n, s);
		if (f->bad)
			rx_spoil(n);
	} else if (!grant_end(s->ref)) {
		/* Answered but still held: it could change under our eyes. */
		piece_end(n, s);
		rx_spoil(n);
	} else {
		s->nb = NULL;
		rx_append(n, nb, f);
	}
	if (f->more || f->extra)
		return;
	nb = n->frame;
	n->frame = NULL;
	if (nb && nb->total >= ETH_HEADER &&
	    (!(nb->flags & NETBUF_CSUM) || !netbuf_csum_locate(nb))) {
		netdev_receive(&n->dev, nb);
	} else {
		n->dev.rx_dropped++;
		netbuf_free(nb);
	}
	n->frame_bad = false;
}

/* Interrupt context. */
static void netfront_event(u32 port, void *arg)
{
	struct netfront *n = arg;
	struct netrx_frag f;
	const u32 seen = n->rx.cons;
	int got = 0;

	if (!n->connected)
		return;
	tx_complete(n);
	/* No more than the ring holds at a time, lest a back end that answers as fast as
	 * we post keep the processor for itself.  One look more asks for the next event,
	 * when a full ring was answered. */
	for (unsigned i = 0; n->connected && i <= NETRING_SLOTS; i++) {
		got = netrx_next(&n->rx, &f, &n->in_extra);
		if (got <= 0)
			break;
		rx_frag(n, &f);
	}
	if (got < 0)
		lose(n, "broke the protocol");
	if (n->connected && n->holds && grant_held(n) > GRANT_HELD_MAX)
		lose(n, "keeps what it has answered");
	n->holds = false;
	if (!n->connected || !n->dev.carrier)
		return;
	/* All, and not the few for which there was memory. */
	if (n->rx.cons - seen == n->rx_buffers && n->rx_buffers < NETRING_SLOTS)
		n->rx_buffers *= 2;
	rx_refill(n);
}

static void disconnect(struct netfront *n)
{
	n->connected = n->dev.carrier = false;
	if (n->port >= 0)
		event_close((u32)n->port);
	n->port = -1;
	if (n->tx_ref)
		grant_end_page(n->tx_ref, n->tx_page, n);
	if (n->rx_ref)
		grant_end_page(n->rx_ref, n->rx_page, n);
	n->tx_ref = n->rx_ref = 0;
	for (unsigned i = 0; i < NETRING_SLOTS; i++) {
		if (n->sent[i].nb)
			piece_end(n, &n->sent[i]);
		if (n->posted[i].nb)
			piece_end(n, &n->posted[i]);
	}
	netbuf_free(n->frame);
	n->frame = NULL;
	n->frame_bad = n->in_extra = false;
}

static grant_ref_t ring_page(struct netfront *n, struct page **page)
{
	grant_ref_t ref;

	*page = page_alloc(0, ALLOC_ZERO);
	if (!*page)
		return 0;
	ref = grant_access(n->xb->other_dom, page_to_pfn(*page), false);
	if (!ref)
		page_put(*page);
	return ref;
}

static int setup(struct netfront *n)
{
	struct xenbus_device *d = n->xb;
	enum { GSO4, GSO6, SG };
	struct store_node can[] = {
		[GSO4] = {"feature-gso-tcpv4", 0, NULL, 0},
		[GSO6] = {"feature-gso-tcpv6", 0, NULL, 0},
		[SG] = {"feature-sg", 0, NULL, 0},
	};
	int err;

	xenbus_read_nodes(d, can, ARRAY_SIZE(can));
	disconnect(n);
	if (grant_held(n) > GRANT_HELD_MAX)
		return -EBUSY;
	n->tx_ref = ring_page(n, &n->tx_page);
	n->rx_ref = ring_page(n, &n->rx_page);
	if (!n->tx_ref || !n->rx_ref)
		return -ENOMEM;
	nettx_init(&n->tx, page_to_virt(n->tx_page));
	netrx_init(&n->rx, page_to_virt(n->rx_page));
	n->rx_buffers = RX_BUFFERS;
	n->port = event_alloc_unbound(d->other_dom, netfront_event, n);
	if (n->port < 0)
		return n->port;
	/* None for tagged frames.  Linux's netback finds only an IP header right behind
	 * the Ethernet addresses (skb_checksum_setup) and drops the rest. */
	n->dev.features = NETBUF_CSUM;
	if (can[SG].value)
		n->dev.features |= (can[GSO4].value ? NETBUF_GSO4 : 0) |
				   (can[GSO6].value ? NETBUF_GSO6 : 0);
	/* No feature-rx-notify.  Linux's netback, if it looks out for interfaces that
	 * have stalled, may acknowledge the first event before it knows its number.  Then
	 * it hears of no other (docs/upstream-bugs.md). */
	err = xenbus_write(d, "tx-ring-ref", "%u", n->tx_ref);
	if (!err)
		err = xenbus_write(d, "rx-ring-ref", "%u", n->rx_ref);
	if (!err)
		err = xenbus_write(d, "event-channel", "%d", n->port);
	if (!err)
		err = xenbus_write(d, "request-rx-copy", "1");
	if (!err)
		err = xenbus_write(d, "feature-sg", "1");
	if (!err)
		err = xenbus_write(d, "feature-ipv6-csum-offload", "1");
	if (err)
		return err;
	n->connected = true;
	xenbus_set_state(d, XenbusStateConnected);
	return 0;
}

static void read_mac(struct netfront *n)
{
	char path[sizeof(n->xb->node) + 8], text[24];

	snprintf(path, sizeof(path), "%s/mac", n->xb->node);
	if (store_read(path, text, sizeof(text)) || strlen(text) != MAC_LEN * 3 - 1)
		return;
	for (unsigned i = 0; i < MAC_LEN; i++) {
		char digits[5] = {'0', 'x', text[i * 3], text[i * 3 + 1], 0};

		n->dev.mac[i] = (u8)strtou64(digits, NULL);
	}
}

static void give_up(struct xenbus_device *d)
{
	struct netfront *n = d->priv;

	printk("%s: taken away\n", n->dev.name);
	d->gone = true;
	netdev_unregister(&n->dev);
}

static void changed(struct xenbus_device *d, enum xenbus_state state)
{
	struct netfront *n = d->priv; /* freed when d->gone */
	bool online;
	int err;

	if (d->gone)
		return;
	switch (state) {
	case XenbusStateInitWait:
		if (n->port >= 0 && d->state == XenbusStateConnected && n->connected &&
		    !n->dev.carrier)
			return; /* still on its way to us */
		err = setup(n);
		if (err)
			printk("%s: cannot connect: %d\n", n->dev.name, err);
		return;
	case XenbusStateConnected:
		if (!n->connected)
			return;
		n->dev.carrier = true;
		/* The first empty buffers. */
		netfront_event((u32)n->port, n);
		return;
	case XenbusStateClosing:
	case XenbusStateClosed:
		online = xenbus_online(d);
		disconnect(n);
		if (!online)
			give_up(d);
		xenbus_closed(d, state, online);
		return;
	default:
		return;
	}
}

static void removed(struct xenbus_device *d)
{
	if (d->gone)
		return;
	disconnect(d->priv);
	give_up(d);
}

static int probe(struct xenbus_device *d)
{
	struct netfront *n = kzalloc(sizeof(*n));

	if (!n)
		return -ENOMEM;
	/* Linux gives its interfaces names in the order of discovery; ours have the
	 * toolstack's numbers. */
	snprintf(n->dev.name, sizeof(n->dev.name), "eth%u", d->id);
	snprintf(n->dev.bus, sizeof(n->dev.bus), "vif-%u", d->id);
	n->dev.ops = &netfront_ops;
	n->dev.priv = n;
	n->dev.mtu = ETH_MTU;
	n->xb = d;
	n->port = -1;
	d->priv = n;
	read_mac(n);
	if (netdev_register(&n->dev)) {
		kfree(n);
		return -EEXIST;
	}
	return 0;
}

const struct xenbus_driver netfront_driver = {
	.type = "vif",
	.probe = probe,
	.changed = changed,
	.removed = removed,
};
