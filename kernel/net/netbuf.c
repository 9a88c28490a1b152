/* SPDX-License-Identifier: MIT */
/* Frames: pieces, copies and checksums. */
#include "gso.h"

#include <nub/errno.h>
#include <nub/frame.h>
#include <nub/netbuf.h>
#include <nub/netdev.h>
#include <nub/page.h>
#include <nub/slab.h>
#include <nub/string.h>

/* Pages that were cleared once and only ever held frames since. */
static struct page *spare[64];
static unsigned nspare;

struct netbuf *netbuf_alloc(void)
{
	struct netbuf *nb = kmalloc(sizeof(*nb));

	if (!nb)
		return NULL;
	memset(nb, 0, sizeof(*nb));
	nb->page = nspare ? spare[--nspare] : page_alloc(0, ALLOC_ZERO);
	if (!nb->page) {
		kfree(nb);
		return NULL;
	}
	nb->data = (u8 *)page_to_virt(nb->page) + NETBUF_HEADROOM;
	return nb;
}

void netbuf_free(struct netbuf *nb)
{
	while (nb) {
		struct netbuf *next = nb->next;

		if (nb->page && nspare < ARRAY_SIZE(spare))
			spare[nspare++] = nb->page;
		else if (nb->page)
			page_put(nb->page);
		kfree(nb);
		nb = next;
	}
}

struct netbuf *netbuf_copy(const struct netbuf *nb)
{
	struct netbuf *first = NULL, **tail = &first;

	for (const struct netbuf *p = nb; p; p = p->next) {
		struct netbuf *c = netbuf_alloc();

		if (!c) {
			netbuf_free(first);
			return NULL;
		}
		if (p->len > PAGE_SIZE - NETBUF_HEADROOM)
			c->data -= NETBUF_HEADROOM;
		memcpy(c->data, p->data, p->len);
		c->len = p->len;
		c->total = p->total;
		c->csum_start = p->csum_start;
		c->csum_offset = p->csum_offset;
		c->gso_size = p->gso_size;
		c->flags = p->flags;
		*tail = c;
		tail = &c->next;
	}
	return first;
}

/* Runs over n bytes at off of a chain, copying one way or the other. */
static bool transfer(const struct netbuf *nb, u32 off, u8 *buf, u32 n, bool write)
{
	for (; nb && off >= nb->len; nb = nb->next)
		off -= nb->len;
	for (; nb && n; nb = nb->next) {
		u32 part = MIN(n, nb->len - off);

		if (write)
			memcpy(nb->data + off, buf, part);
		else
			memcpy(buf, nb->data + off, part);
		buf += part;
		n -= part;
		off = 0;
	}
	return !n;
}

bool netbuf_read(const struct netbuf *nb, u32 off, void *dst, u32 n)
{
	return transfer(nb, off, dst, n, false);
}

bool netbuf_write(struct netbuf *nb, u32 off, const void *src, u32 n)
{
	return transfer(nb, off, (u8 *)src, n, true);
}

int netbuf_csum_locate(struct netbuf *nb)
{
	u8 h[IPV6_HEADER];
	u32 l3 = ETH_HEADER;
	u16 type, l4;
	u8 proto;

	if (!netbuf_read(nb, ETH_TYPE, h, 2))
		return -EINVAL;
	type = frame_get16(h);
	if (type == TYPE_VLAN) {
		if (!netbuf_read(nb, ETH_TYPE + VLAN_TAG, h, 2))
			return -EINVAL;
		type = frame_get16(h);
		l3 += VLAN_TAG;
	}
	if (type == TYPE_IPV4) {
		if (!netbuf_read(nb, l3, h, IPV4_HEADER) || ip_version(h) != 4 ||
		    ipv4_header(h) < IPV4_HEADER)
			return -EINVAL;
		if (frame_get16(h + IPV4_FRAGMENT) & IPV4_IS_FRAGMENT)
			return -EINVAL;
		proto = h[IPV4_PROTOCOL];
		l4 = (u16)(l3 + ipv4_header(h));
	} else if (type == TYPE_IPV6) {
		if (!netbuf_read(nb, l3, h, IPV6_HEADER) || ip_version(h) != 6)
			return -EINVAL;
		proto = h[IPV6_NEXT];
		l4 = (u16)(l3 + IPV6_HEADER);
	} else {
		return -EINVAL;
	}
	if (proto != PROTO_TCP && proto != PROTO_UDP)
		return -EINVAL;
	nb->csum_start = l4;
	nb->csum_offset = proto == PROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
	if ((u32)l4 + nb->csum_offset + 2u > nb->total)
		return -EINVAL;
	return 0;
}

u64 csum_add(u64 sum, const u8 *p, u32 n)
{
	for (; n >= 8; p += 8, n -= 8) {
		u64 word;

		memcpy(&word, p, 8);
		sum += word;
		sum += sum < word; /* the carry comes in at the other end */
	}
	if (n) {
		u64 word = 0;

		memcpy(&word, p, n);
		sum += word;
		sum += sum < word;
	}
	return sum;
}

u16 csum_fold(u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

int netbuf_csum_fill(struct netbuf *nb)
{
	const struct netbuf *p = nb;
	u32 off = nb->csum_start;
	u64 sum = 0;
	bool odd = false;
	u16 out;

	if (off + nb->csum_offset + 2u > nb->total)
		return -EINVAL;
	for (; p && off >= p->len; p = p->next)
		off -= p->len;
	for (; p; p = p->next) {
		u16 part = csum_fold(csum_add(0, p->data + off, p->len - off));

		/* After an odd number of bytes each byte has the other place. */
		sum += odd ? (u16)(part << 8 | part >> 8) : part;
		odd ^= (p->len - off) & 1;
		off = 0;
	}
	/* In UDP zero would say that there is no checksum; in TCP the two are equal. */
	out = (u16)~csum_fold(sum);
	if (!out)
		out = 0xffff;
	if (!netbuf_write(nb, nb->csum_start + nb->csum_offset, &out, 2))
		return -EINVAL;
	nb->flags &= (u8)~NETBUF_CSUM;
	return 0;
}
