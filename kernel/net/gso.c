/* SPDX-License-Identifier: MIT */
/* Cuts a TCP frame that a guest left to its NIC to cut, for a way out that does not. */
#include "gso.h"

#include <nub/errno.h>
#include <nub/frame.h>
#include <nub/page.h>
#include <nub/string.h>

#define PIECE_ROOM (PAGE_SIZE - NETBUF_HEADROOM)

static void put16(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static void put32(u8 *p, u32 v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

int gso_begin(const struct netbuf *nb, struct gso_cut *c)
{
	const u8 *h = c->header;
	u32 copied = MIN(nb->total, (u32)GSO_HEADER_MAX);
	bool v6 = nb->flags & NETBUF_GSO6;

	memset(c, 0, sizeof(*c));
	if (!netbuf_read(nb, 0, c->header, copied))
		return -EINVAL;
	c->l3 = ETH_HEADER + (frame_get16(h + ETH_TYPE) == TYPE_VLAN ? VLAN_TAG : 0);
	c->l4 = nb->csum_start;
	if (nb->gso_size < GSO_SIZE_MIN || nb->csum_offset != TCP_CHECKSUM ||
	    c->l4 < c->l3 + (v6 ? IPV6_HEADER : IPV4_HEADER) ||
	    c->l4 + TCP_HEADER > copied ||
	    frame_get16(h + c->l3 - 2) != (v6 ? TYPE_IPV6 : TYPE_IPV4) ||
	    ip_version(h + c->l3) != (v6 ? 6 : 4))
		return -EINVAL;
	/* The length of an IPv6 header with its extensions is the guest's word: l4. */
	if (!v6 && (ipv4_header(h + c->l3) != c->l4 - c->l3 ||
		    h[c->l3 + IPV4_PROTOCOL] != PROTO_TCP))
		return -EINVAL;
	c->size = c->l4 + (h[c->l4 + TCP_LENGTH] >> 4) * 4u;
	if (c->size < c->l4 + TCP_HEADER || c->size > copied || c->size >= nb->total)
		return -EINVAL;
	c->at = c->size;
	c->seq = (u32)frame_get16(h + c->l4 + TCP_SEQUENCE) << 16 |
		 frame_get16(h + c->l4 + TCP_SEQUENCE + 2);
	c->id = frame_get16(h + c->l3 + IPV4_ID);
	return 0;
}

/* The header of a segment with n bytes from c->at on. */
static void fill_header(struct gso_cut *c, u32 n, bool v6)
{
	u8 *ip = c->header + c->l3, *tcp = c->header + c->l4;
	u32 tcp_len = c->size - c->l4 + n;
	u8 tail[4] = {0, PROTO_TCP}; /* of the pseudo-header */
	u64 sum;
	u16 out;

	if (v6) {
		put16(ip + IPV6_PAYLOAD, c->size - c->l3 - IPV6_HEADER + n);
		sum = csum_add(0, ip + IPV6_ADDRESSES, IPV6_ADDRESSES_LEN);
	} else {
		put16(ip + IPV4_TOTAL, c->size - c->l3 + n);
		put16(ip + IPV4_ID, c->id++);
		put16(ip + IPV4_CHECKSUM, 0);
		out = (u16)~csum_fold(csum_add(0, ip, c->l4 - c->l3));
		memcpy(ip + IPV4_CHECKSUM, &out, 2);
		sum = csum_add(0, ip + IPV4_ADDRESSES, IPV4_ADDRESSES_LEN);
	}
	put16(tail + 2, tcp_len);
	out = csum_fold(csum_add(sum, tail, 4));
	memcpy(tcp + TCP_CHECKSUM, &out, 2);
	put32(tcp + TCP_SEQUENCE, c->seq + (c->at - c->size));
}

/* Copies header and data into pieces. */
static struct netbuf *make(const struct netbuf *nb, const struct gso_cut *c, u32 n)
{
	struct netbuf *first = NULL, **tail = &first;
	u32 head = c->size, at = c->at, left = n;

	do {
		struct netbuf *p = netbuf_alloc();
		u32 part = MIN(left, (u32)PIECE_ROOM - head);

		if (!p || !netbuf_read(nb, at, p->data + head, part)) {
			netbuf_free(p);
			netbuf_free(first);
			return NULL;
		}
		memcpy(p->data, c->header, head);
		p->len = head + part;
		head = 0;
		at += part;
		left -= part;
		*tail = p;
		tail = &p->next;
	} while (left);
	first->total = c->size + n;
	first->flags = NETBUF_CSUM;
	first->csum_start = (u16)c->l4;
	first->csum_offset = TCP_CHECKSUM;
	return first;
}

struct netbuf *gso_next(const struct netbuf *nb, struct gso_cut *c)
{
	u32 n = MIN((u32)nb->gso_size, nb->total - c->at);
	bool last = c->at + n == nb->total;
	u8 flags = c->header[c->l4 + TCP_FLAGS];
	struct netbuf *seg;

	if (!n)
		return NULL;
	fill_header(c, n, nb->flags & NETBUF_GSO6);
	/* The end of the stream goes with the last, a reduced window with the first. */
	if (!last)
		c->header[c->l4 + TCP_FLAGS] &= (u8) ~(TCP_FIN | TCP_PSH);
	seg = make(nb, c, n);
	c->header[c->l4 + TCP_FLAGS] = flags & (u8)~TCP_CWR;
	c->at += n;
	return seg;
}
