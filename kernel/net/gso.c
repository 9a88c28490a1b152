/* SPDX-License-Identifier: MIT */
/* Cuts a TCP frame that a guest left to its NIC to cut, for a way out that does not. */
#include "gso.h"

#include <nub/errno.h>
#include <nub/page.h>
#include <nub/string.h>

#define ETH_LEN 14
#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80
#define PIECE_ROOM (PAGE_SIZE - NETBUF_HEADROOM)

static u16 get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

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
	c->l3 = get16(h + 12) == 0x8100 ? ETH_LEN + 4 : ETH_LEN;
	c->l4 = nb->csum_start;
	if (nb->gso_size < GSO_SIZE_MIN || nb->csum_offset != 16 ||
	    c->l4 < c->l3 + (v6 ? 40u : 20u) || c->l4 + 20 > copied ||
	    get16(h + c->l3 - 2) != (v6 ? 0x86dd : 0x0800) ||
	    h[c->l3] >> 4 != (v6 ? 6 : 4))
		return -EINVAL;
	/* The length of an IPv6 header with its extensions is the guest's word: l4. */
	if (!v6 && ((h[c->l3] & 15) * 4u != c->l4 - c->l3 || h[c->l3 + 9] != 6))
		return -EINVAL;
	c->size = c->l4 + (h[c->l4 + 12] >> 4) * 4u;
	if (c->size < c->l4 + 20 || c->size > copied || c->size >= nb->total)
		return -EINVAL;
	c->at = c->size;
	c->seq = (u32)get16(h + c->l4 + 4) << 16 | get16(h + c->l4 + 6);
	c->id = get16(h + c->l3 + 4);
	return 0;
}

/* The header of a segment with n bytes from c->at on. */
static void fill_header(struct gso_cut *c, u32 n, bool v6)
{
	u8 *ip = c->header + c->l3, *tcp = c->header + c->l4;
	u32 tcp_len = c->size - c->l4 + n;
	u8 tail[4] = {0, 6};
	u64 sum;
	u16 out;

	if (v6) {
		put16(ip + 4, c->size - c->l3 - 40 + n);
		sum = csum_add(0, ip + 8, 32);
	} else {
		put16(ip + 2, c->size - c->l3 + n);
		put16(ip + 4, c->id++);
		put16(ip + 10, 0);
		out = (u16)~csum_fold(csum_add(0, ip, c->l4 - c->l3));
		memcpy(ip + 10, &out, 2);
		sum = csum_add(0, ip + 12, 8);
	}
	put16(tail + 2, tcp_len);
	out = csum_fold(csum_add(sum, tail, 4));
	memcpy(tcp + 16, &out, 2);
	put32(tcp + 4, c->seq + (c->at - c->size));
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
	first->csum_offset = 16;
	return first;
}

struct netbuf *gso_next(const struct netbuf *nb, struct gso_cut *c)
{
	u32 n = MIN((u32)nb->gso_size, nb->total - c->at);
	bool last = c->at + n == nb->total;
	u8 flags = c->header[c->l4 + 13];
	struct netbuf *seg;

	if (!n)
		return NULL;
	fill_header(c, n, nb->flags & NETBUF_GSO6);
	/* The end of the stream goes with the last, a reduced window with the first. */
	if (!last)
		c->header[c->l4 + 13] &= (u8) ~(TCP_FIN | TCP_PSH);
	seg = make(nb, c, n);
	c->header[c->l4 + 13] = flags & (u8)~TCP_CWR;
	c->at += n;
	return seg;
}
