/* SPDX-License-Identifier: MIT */
/* /dev/net/tun: taps, with the virtio-net header in front of each frame if wanted. */
#include <nub/errno.h>
#include <nub/frame.h>
#include <nub/netbuf.h>
#include <nub/netdev.h>
#include <nub/random.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include "ifreq.h"

#include <asm/ioctl.h>
#include <linux/if_tun.h>

/* Frames that wait for a reader, by their pages. A tap may have as many as Linux's queues
 * of small frames (1,000), while all together stay below a limit; some are its own. */
#define QUEUED_MAX 1024u
#define QUEUED_OWN 128u
#define VNET_HDR_MIN 10
#define VNET_HDR_MAX 20
#define TAP_FEATURES (IFF_TAP | IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR)
#define PIECE_ROOM (PAGE_SIZE - NETBUF_HEADROOM)

/* virtio-net's header, version 1.0 or the older, shorter one. */
struct vnet_hdr {
	u8 flags, gso_type;
	u16 hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
#define VNET_NEEDS_CSUM 1
#define VNET_DATA_VALID 2
#define VNET_GSO_TCPV4 1
#define VNET_GSO_TCPV6 4
#define VNET_GSO_ECN 0x80

struct tap {
	struct netdev dev;
	struct file *file; /* attached descriptor, not counted; NULL: none */
	bool persist;
	u16 iff; /* IFF_* given to TUNSETIFF */
	int hdr_size;
	u32 offload; /* TUN_F_*: what the reader takes */
	struct netbuf *head, **tail;
	u32 queued; /* pages */
	struct waitq wq;
};

static u32 all_queued;

static const struct netdev_ops tap_ops;

static bool has_hdr(const struct tap *t)
{
	return t->iff & IFF_VNET_HDR;
}

static u32 pages_of(const struct netbuf *nb)
{
	u32 n = 0;

	for (; nb; nb = nb->next)
		n++;
	return n;
}

static int tap_xmit(struct netdev *dev, struct netbuf *nb)
{
	struct tap *t = dev->priv;
	const u32 pages = pages_of(nb);
	const bool idle = !t->head;

	if (!t->file ||
	    (t->queued + pages > QUEUED_OWN && all_queued + pages > QUEUED_MAX)) {
		netbuf_free(nb);
		return -ENOBUFS;
	}
	nb->queue_next = NULL;
	*t->tail = nb;
	t->tail = &nb->queue_next;
	t->queued += pages;
	all_queued += pages;
	if (idle)
		waitq_wake(&t->wq, POLLIN);
	return 0;
}

/* The first frame in the queue, which must not be empty. */
static struct netbuf *take(struct tap *t)
{
	struct netbuf *nb = t->head;
	const u32 pages = pages_of(nb);

	t->head = nb->queue_next;
	if (!t->head)
		t->tail = &t->head;
	t->queued -= pages;
	all_queued -= pages;
	return nb;
}

static void flush(struct tap *t)
{
	while (t->head)
		netbuf_free(take(t));
}

static void tap_release(struct netdev *dev)
{
	flush(dev->priv);
	kfree(dev->priv);
}

static const struct netdev_ops tap_ops = {
	.xmit = tap_xmit,
	.release = tap_release,
};

static struct tap *tap_create(const char *name)
{
	struct tap *t = kzalloc(sizeof(*t));

	if (!t)
		return ERR_PTR(-ENOMEM);
	strlcpy(t->dev.name, name, sizeof(t->dev.name));
	t->dev.ops = &tap_ops;
	t->dev.priv = t;
	t->dev.mtu = ETH_MTU;
	random_bytes(t->dev.mac, MAC_LEN);
	t->dev.mac[0] = (u8)((t->dev.mac[0] & 0xfc) | 2); /* local, unicast */
	t->tail = &t->head;
	t->hdr_size = VNET_HDR_MIN;
	waitq_init(&t->wq);
	if (netdev_register(&t->dev) < 0) {
		kfree(t);
		return ERR_PTR(-EBUSY);
	}
	return t;
}

/* Copies one frame into pieces. */
static struct netbuf *frame_get(struct uio *u, size_t n)
{
	struct netbuf *first = NULL, **tail = &first;
	u32 total = (u32)n;

	do {
		struct netbuf *nb = netbuf_alloc();
		u32 part = (u32)MIN(n, PIECE_ROOM);

		if (!nb) {
			netbuf_free(first);
			return ERR_PTR(-ENOMEM);
		}
		*tail = nb;
		tail = &nb->next;
		if (uio_get(u, nb->data, part) != part) {
			netbuf_free(first);
			return ERR_PTR(-EFAULT);
		}
		nb->len = part;
		n -= part;
	} while (n);
	first->total = total;
	return first;
}

/* The header's offsets come from user space: they must lie in the frame. */
static int apply_hdr(struct netbuf *nb, const struct vnet_hdr *h)
{
	if (h->flags & VNET_NEEDS_CSUM) {
		if ((u32)h->csum_start + h->csum_offset + 2u > nb->total)
			return -EINVAL;
		nb->csum_start = h->csum_start;
		nb->csum_offset = h->csum_offset;
		nb->flags |= NETBUF_CSUM;
	} else if (h->flags & VNET_DATA_VALID) {
		nb->flags |= NETBUF_CSUM_OK;
	}
	switch (h->gso_type & ~VNET_GSO_ECN) {
	case 0:
		return 0;
	case VNET_GSO_TCPV4:
		nb->flags |= NETBUF_GSO4;
		break;
	case VNET_GSO_TCPV6:
		nb->flags |= NETBUF_GSO6;
		break;
	default:
		return -EINVAL;
	}
	if (!h->gso_size || !(nb->flags & NETBUF_CSUM))
		return -EINVAL;
	nb->gso_size = h->gso_size;
	return 0;
}

static ssize_t tap_write(struct file *f, struct uio *u, u64 *pos)
{
	struct tap *t = f->priv;
	u8 hdr[VNET_HDR_MAX] = {0};
	size_t n = u->left, hdr_size;
	struct vnet_hdr h;
	struct netbuf *nb;
	ssize_t ret = (ssize_t)n;
	int err;

	if (!t)
		return -EBADFD;
	hdr_size = has_hdr(t) ? (size_t)t->hdr_size : 0;
	if (n < hdr_size + ETH_HEADER || n - hdr_size > NETFRAME_MAX)
		return -EINVAL;
	if (!t->dev.up)
		return -EIO;
	if (hdr_size && uio_get(u, hdr, hdr_size) != hdr_size)
		return -EFAULT;
	nb = frame_get(u, n - hdr_size);
	if (IS_ERR(nb))
		return PTR_ERR(nb);
	memcpy(&h, hdr, sizeof(h));
	err = hdr_size ? apply_hdr(nb, &h) : 0;
	if (err) {
		netbuf_free(nb);
		return err;
	}
	netdev_receive(&t->dev, nb);
	return ret;
}

/* Frames that the reader cannot finish itself get their checksum here. */
static void fill_hdr(struct tap *t, struct netbuf *nb, struct vnet_hdr *h)
{
	memset(h, 0, sizeof(*h));
	h->num_buffers = 1;
	if (nb->flags & NETBUF_CSUM && !(has_hdr(t) && t->offload & TUN_F_CSUM))
		netbuf_csum_fill(nb);
	if (nb->flags & NETBUF_CSUM) {
		h->flags = VNET_NEEDS_CSUM;
		h->csum_start = nb->csum_start;
		h->csum_offset = nb->csum_offset;
	} else if (nb->flags & NETBUF_CSUM_OK) {
		h->flags = VNET_DATA_VALID;
	}
	if (nb->flags & (NETBUF_GSO4 | NETBUF_GSO6)) {
		h->gso_type = nb->flags & NETBUF_GSO4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6;
		h->gso_size = nb->gso_size;
		h->hdr_len = (u16)MIN(nb->len, 128u);
	}
}

static ssize_t tap_read(struct file *f, struct uio *u, u64 *pos)
{
	struct tap *t = f->priv;
	u8 hdr[VNET_HDR_MAX] = {0};
	size_t left, hdr_size, done = 0;
	struct netbuf *nb;
	struct vnet_hdr h;

	if (!t)
		return -EBADFD;
	while (!t->head) {
		int err;

		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&t->wq, NEVER);
		if (err)
			return err;
	}
	hdr_size = has_hdr(t) ? (size_t)t->hdr_size : 0;
	if (u->left < hdr_size)
		return -EINVAL;
	nb = take(t);
	fill_hdr(t, nb, &h);
	memcpy(hdr, &h, sizeof(h));
	if (hdr_size && uio_put(u, hdr, hdr_size) != hdr_size) {
		netbuf_free(nb);
		return -EFAULT;
	}
	left = MIN(u->left, nb->total); /* what has no room is cut, as of a datagram */
	for (struct netbuf *p = nb; p && left; p = p->next) {
		size_t part = MIN(left, p->len);

		if (uio_put(u, p->data, part) != part) {
			netbuf_free(nb);
			return -EFAULT;
		}
		done += part;
		left -= part;
	}
	netbuf_free(nb);
	return (ssize_t)(hdr_size + done);
}

static unsigned tap_poll(struct file *f, struct waitq **wq)
{
	struct tap *t = f->priv;

	if (!t)
		return POLLERR;
	*wq = &t->wq;
	return POLLOUT | POLLWRNORM | (t->head ? POLLIN | POLLRDNORM : 0);
}

static long set_iff(struct file *f, void __user *arg)
{
	struct ifreq_abi ifr;
	struct netdev *dev;
	struct tap *t;
	u16 iff;

	if (f->priv)
		return -EINVAL;
	if (copy_from_user(&ifr, arg, sizeof(ifr)))
		return -EFAULT;
	iff = ifr.u.flags;
	ifr.name[sizeof(ifr.name) - 1] = 0;
	if ((iff & (IFF_TUN | IFF_TAP)) != IFF_TAP || !(iff & IFF_NO_PI) ||
	    iff & ~(TAP_FEATURES | IFF_TUN_EXCL))
		return -EINVAL;
	if (!ifr.name[0] || strchr(ifr.name, '%')) {
		for (int n = 0; n < 256; n++) {
			snprintf(ifr.name, sizeof(ifr.name), "tap%d", n);
			if (!netdev_find(ifr.name))
				break;
		}
	}
	dev = netdev_find(ifr.name);
	if (dev && dev->ops != &tap_ops)
		return -EINVAL;
	t = dev ? dev->priv : NULL;
	if (t && (t->file || iff & IFF_TUN_EXCL))
		return -EBUSY;
	if (!t) {
		t = tap_create(ifr.name);
		if (IS_ERR(t))
			return PTR_ERR(t);
	}
	t->iff = iff & (u16)~IFF_TUN_EXCL;
	t->hdr_size = VNET_HDR_MIN;
	t->offload = 0;
	t->file = f;
	t->dev.carrier = true;
	f->priv = t;
	ifr.u.flags = t->iff;
	return copy_to_user(arg, &ifr, sizeof(ifr));
}

static long get_iff(struct tap *t, void __user *arg)
{
	struct ifreq_abi ifr = {0};

	strlcpy(ifr.name, t->dev.name, sizeof(ifr.name));
	ifr.u.flags = t->iff;
	return copy_to_user(arg, &ifr, sizeof(ifr));
}

static long tap_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	void __user *p = (void __user *)arg;
	struct tap *t = f->priv;
	u32 v;

	if (cmd == TUNGETFEATURES)
		return put_user32(TAP_FEATURES, p);
	if (cmd == TUNSETIFF)
		return set_iff(f, p);
	if (!t)
		return -EBADFD;
	switch (cmd) {
	case TUNGETIFF:
		return get_iff(t, p);
	case TUNSETPERSIST:
		t->persist = arg;
		return 0;
	case TUNSETOFFLOAD:
		if (arg & ~(u64)(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN))
			return -EINVAL;
		t->offload = (u32)arg;
		t->dev.features = arg & TUN_F_CSUM ? NETBUF_CSUM : 0;
		if (arg & TUN_F_CSUM && arg & TUN_F_TSO4)
			t->dev.features |= NETBUF_GSO4;
		if (arg & TUN_F_CSUM && arg & TUN_F_TSO6)
			t->dev.features |= NETBUF_GSO6;
		t->dev.vlan_features = t->dev.features;
		return 0;
	case TUNGETVNETHDRSZ:
		return put_user32((u32)t->hdr_size, p);
	case TUNSETVNETHDRSZ:
		if (get_user32(&v, p))
			return -EFAULT;
		if (v < VNET_HDR_MIN || v > VNET_HDR_MAX)
			return -EINVAL;
		t->hdr_size = (int)v;
		return 0;
	case TUNSETVNETLE:
		if (get_user32(&v, p))
			return -EFAULT;
		return v ? 0 : -EINVAL;
	case TUNGETVNETLE:
		return put_user32(1, p);
	case TUNGETSNDBUF:
		return put_user32(0x7fffffff, p);
	case TUNSETSNDBUF: /* a frame is passed on or dropped at once: no send buffer */
	case TUNSETOWNER:
	case TUNSETGROUP:
	case TUNSETNOCSUM:
		return 0;
	case TUNSETLINK:
		return t->dev.up ? -EBUSY : 0;
	}
	return -ENOTTY;
}

static void tap_close(struct file *f)
{
	struct tap *t = f->priv;

	if (!t)
		return;
	t->file = NULL;
	t->dev.carrier = false;
	flush(t);
	if (!t->persist)
		netdev_unregister(&t->dev);
}

static const struct file_ops tap_file_ops = {
	.read = tap_read,
	.write = tap_write,
	.poll = tap_poll,
	.ioctl = tap_ioctl,
	.release = tap_close,
};

static int tun_open(struct inode *ino, struct file *f)
{
	f->ops = &tap_file_ops;
	f->priv = NULL;
	return 0;
}

void tap_init(void)
{
	chrdev_register("net/tun", 10, 200, tun_open);
}
