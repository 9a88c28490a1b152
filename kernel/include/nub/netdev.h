/* SPDX-License-Identifier: MIT */
/* Network interfaces: the common code of netfront, taps and bridges. */
#ifndef NUB_NETDEV_H
#define NUB_NETDEV_H

#include <nub/frame.h>
#include <nub/list.h>
#include <nub/types.h>

struct netbuf;
struct netdev;

#define NETDEV_MTU_MAX 65000

struct netdev_ops {
	/* Sends; consumes the frame, also on error. -ENOBUFS: queue full. */
	int (*xmit)(struct netdev *dev, struct netbuf *nb);
	int (*set_up)(struct netdev *dev, bool up);	  /* may be NULL */
	int (*set_mtu)(struct netdev *dev, unsigned mtu); /* may be NULL */
	void (*release)(struct netdev *dev);		  /* unregistered; may be NULL */
};

struct netdev {
	struct list link;
	char name[16];
	char bus[16]; /* ethtool's name of its place: vif-0; may be empty */
	int index;    /* from 1 */
	u8 mac[MAC_LEN];
	u16 mtu;
	bool up, carrier;
	u32 features;	   /* NETBUF_CSUM, _GSO* that xmit takes */
	u32 vlan_features; /* the same of a frame with an 802.1Q or 802.1ad tag */
	const struct netdev_ops *ops;
	void *priv;
	struct netdev *master; /* the bridge that it is a port of, or NULL */
	struct list port;      /* in the bridge */
	/* Gets what the device received; set by its master. Consumes. */
	void (*rx)(struct netdev *dev, struct netbuf *nb);
	u64 rx_packets, rx_bytes, tx_packets, tx_bytes, rx_dropped, tx_dropped;
};

int netdev_register(struct netdev *dev); /* 0 or -EEXIST */
void netdev_unregister(struct netdev *dev);
struct netdev *netdev_find(const char *name);
struct netdev *netdev_by_index(int index);
/* The first with an index above this one, NULL: none. */
struct netdev *netdev_after(int index);
/* A driver hands in a received frame; consumes. */
void netdev_receive(struct netdev *dev, struct netbuf *nb);
/* Counts, checks that the device is up, fills in a checksum it cannot; consumes. */
int netdev_xmit(struct netdev *dev, struct netbuf *nb);

/* Network ioctls of any socket (SIOC*): 0, negative errno, -ENOTTY when it is none. */
long netdev_ioctl(unsigned cmd, u64 arg);
/* Adds /dev/net/tun. */
void tap_init(void);
/* Adds /proc/net/dev. */
void net_proc_init(void);
#endif
