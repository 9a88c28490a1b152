/* SPDX-License-Identifier: MIT */
/* Network interfaces: what netfront, taps and bridges have in common. */
#ifndef NUB_NETDEV_H
#define NUB_NETDEV_H

#include <nub/list.h>
#include <nub/types.h>

struct netdev;

#define NETBUF_HEADROOM 64 /* room in front for a virtio-net header */
#define NETBUF_SIZE 2048 /* of one buffer, with its header */

/* A frame, or a piece of one chained by `next`. One owner at a time; passing it to a
 * function that says "consumes" gives it away. */
struct netbuf {
	struct netbuf *next;
	u8 *data; /* first byte */
	u32 len; /* bytes at data */
	u32 total; /* of the chain, in its first buffer */
	u16 csum_start, csum_offset; /* when NETBUF_CSUM */
	u16 gso_size;
	u8 flags;
};
#define NETBUF_CSUM 1 /* checksum not yet filled in */
#define NETBUF_CSUM_OK 2 /* checksum known good */
#define NETBUF_GSO4 4
#define NETBUF_GSO6 8

struct netdev_ops {
	/* Sends; consumes the buffer, also on error. -ENOBUFS: queue full. */
	int (*xmit)(struct netdev *dev, struct netbuf *nb);
	int (*set_up)(struct netdev *dev, bool up);
	int (*set_mtu)(struct netdev *dev, unsigned mtu);
	void (*release)(struct netdev *dev);
};

struct netdev {
	struct list link;
	char name[16];
	int index; /* from 1 */
	u8 mac[6];
	u16 mtu;
	bool up, carrier;
	u32 features; /* NETBUF_* it takes in xmit */
	const struct netdev_ops *ops;
	void *priv;
	struct netdev *master; /* the bridge, or the peer of a direct wire; NULL: none */
	/* Gets what the device received; set by its master. Consumes. */
	void (*rx)(struct netdev *dev, struct netbuf *nb);
	u64 rx_packets, rx_bytes, tx_packets, tx_bytes, rx_dropped, tx_dropped;
};

struct netbuf *netbuf_alloc(void);
void netbuf_free(struct netbuf *nb); /* the chain */
int netdev_register(struct netdev *dev);
void netdev_unregister(struct netdev *dev);
struct netdev *netdev_find(const char *name);
struct netdev *netdev_by_index(int index);
/* A driver hands in a received frame; consumes. */
void netdev_receive(struct netdev *dev, struct netbuf *nb);

#endif
