/* SPDX-License-Identifier: MIT */
/* Network interfaces: the common code of netfront, taps and bridges. */
#ifndef NUB_NETDEV_H
#define NUB_NETDEV_H

#include <nub/frame.h>
#include <nub/list.h>
#include <nub/types.h>

struct netdev;
struct page;

#define NETBUF_HEADROOM 64 /* left free in front of a frame that we make */
#define NETDEV_MTU_MAX 65000
#define NETFRAME_MAX 65535 /* bytes of one frame, all its pieces */

/* A frame, or a piece of one chained by `next`: a descriptor and a page of its own. One
 * owner at a time; passing it to a function that "consumes" gives it away. Members that
 * only the first piece has are marked so. */
struct netbuf {
	struct netbuf *next;
	struct netbuf *queue_next; /* first: of the queue that the frame is in */
	struct page *page;
	u8 *data;		     /* first byte, within the page */
	u32 len;		     /* bytes at data */
	u32 total;		     /* first: bytes of the chain */
	u16 csum_start, csum_offset; /* first: when NETBUF_CSUM, from the frame's start */
	u16 gso_size;		     /* first: when NETBUF_GSO4 or 6 */
	u8 flags;		     /* first */
};
#define NETBUF_CSUM 1	 /* checksum not yet filled in */
#define NETBUF_CSUM_OK 2 /* checksum known good */
#define NETBUF_GSO4 4
#define NETBUF_GSO6 8

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

/* One empty piece with NETBUF_HEADROOM in front; NULL: no memory. The page holds nothing
 * but frames, old or new, so that it can be granted whole. */
struct netbuf *netbuf_alloc(void);
void netbuf_free(struct netbuf *nb); /* the chain */
/* A frame of its own with the same bytes, for flooding; NULL: no memory. */
struct netbuf *netbuf_copy(const struct netbuf *nb);
/* Copies out of a chain; false when it is shorter. */
bool netbuf_read(const struct netbuf *nb, u32 off, void *dst, u32 n);
bool netbuf_write(struct netbuf *nb, u32 off, const void *src, u32 n);
/* Finds csum_start and csum_offset of a TCP or UDP frame whose checksum field holds the
 * pseudo-header's sum: 0, or -EINVAL when it is no such frame. */
int netbuf_csum_locate(struct netbuf *nb);
/* Fills the checksum in and clears NETBUF_CSUM: 0 or -EINVAL. */
int netbuf_csum_fill(struct netbuf *nb);

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
/* A bridge by that name: bridge.c. 0 or negative errno. */
int bridge_create(const char *name);
int bridge_destroy(const char *name);
int bridge_add(struct netdev *bridge, struct netdev *port);
#define BRIDGE_PORTS_MAX 32
/* The indexes of its ports, at most BRIDGE_PORTS_MAX: how many. */
unsigned bridge_ports(const struct netdev *bridge, s32 *indexes);
int bridge_remove(struct netdev *bridge, struct netdev *port);
/* A port's MTU has changed. */
void bridge_follow_mtu(struct netdev *bridge);
bool netdev_is_bridge(const struct netdev *dev);
/* The time for which a station is remembered; 0: not at all (each frame goes to every
 * port). */
void bridge_set_ageing(struct netdev *bridge, u64 ns);

#endif
