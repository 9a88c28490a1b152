/* SPDX-License-Identifier: MIT */
/* The shared rings of a paravirtual network interface, seen from a front end. */
#include "netring.h"

#include <nub/errno.h>
#include <nub/string.h>

static inline void full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline u32 load32(const u32 *p)
{
	return *(const volatile u32 *)p;
}
static inline void store32(u32 *p, u32 v)
{
	*(volatile u32 *)p = v;
}

/* Publishes prod; true if the peer asked to be told about one of the new entries. */
static bool publish(u32 *shared_prod, const u32 *shared_event, u32 prod, u32 *published)
{
	u32 old = *published;

	barrier();
	store32(shared_prod, prod);
	*published = prod;
	full_barrier();
	return prod - load32(shared_event) < prod - old;
}

/* Answers that wait: their count, 0 when none (then the next one notifies), -EPROTO when
 * there would be more than questions. */
static int answers(const u32 *shared_prod, u32 *shared_event, u32 cons, u32 prod)
{
	u32 have = load32(shared_prod);

	if (have == cons) {
		store32(shared_event, cons + 1);
		full_barrier();
		have = load32(shared_prod);
	}
	if (have - cons > prod - cons)
		return -EPROTO;
	barrier();
	return (int)(have - cons);
}

void nettx_init(struct nettx_ring *r, void *page)
{
	memset(r, 0, sizeof(*r));
	memset(page, 0, 4096);
	r->shared = page;
	r->shared->req_event = 1;
	r->shared->rsp_event = 1;
}

unsigned nettx_room(const struct nettx_ring *r)
{
	return NETRING_SLOTS - (r->prod - r->cons);
}

int nettx_put(struct nettx_ring *r, grant_ref_t gref, u16 off, u16 size, u16 flags)
{
	struct netif_tx_request *req;

	if (!nettx_room(r))
		return -1;
	for (unsigned i = 0; i < ARRAY_SIZE(r->busy); i++) {
		unsigned bit;

		if (r->busy[i] == ~0UL)
			continue;
		bit = (unsigned)__builtin_ctzl(~r->busy[i]);
		r->busy[i] |= 1UL << bit;
		req = &r->shared->ring[r->prod++ & (NETRING_SLOTS - 1)].req;
		*req = (struct netif_tx_request){
			.gref = gref,
			.offset = off,
			.flags = flags,
			.id = (u16)(i * 64 + bit),
			.size = size,
		};
		return (int)(i * 64 + bit);
	}
	return -1;
}

void nettx_put_gso(struct nettx_ring *r, u16 gso_size, bool ipv6)
{
	struct netif_extra_info e = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = 0};

	e.u.gso.size = gso_size;
	e.u.gso.type = ipv6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4;
	memcpy(&r->shared->ring[r->prod++ & (NETRING_SLOTS - 1)], &e, sizeof(e));
}

bool nettx_publish(struct nettx_ring *r)
{
	return publish(&r->shared->req_prod, &r->shared->req_event, r->prod,
		       &r->published);
}

int nettx_next(struct nettx_ring *r, unsigned *id, int *status)
{
	for (;;) {
		int n = answers(&r->shared->rsp_prod, &r->shared->rsp_event, r->cons,
				r->prod);
		struct netif_tx_response rsp;

		if (n <= 0)
			return n;
		memcpy(&rsp, &r->shared->ring[r->cons & (NETRING_SLOTS - 1)].rsp,
		       sizeof(rsp));
		barrier();
		/* The answer to an extra slot has no id. Bounded: n never grows past the
		 * requests that are out. */
		if (rsp.status == NETIF_RSP_NULL) {
			r->cons++;
			continue;
		}
		if (rsp.id >= NETRING_SLOTS || !(r->busy[rsp.id / 64] >> rsp.id % 64 & 1))
			return -EPROTO;
		r->cons++;
		r->busy[rsp.id / 64] &= ~(1UL << rsp.id % 64);
		*id = rsp.id;
		*status = rsp.status;
		return 1;
	}
}

void netrx_init(struct netrx_ring *r, void *page)
{
	memset(r, 0, sizeof(*r));
	memset(page, 0, 4096);
	r->shared = page;
	r->shared->req_event = 1;
	r->shared->rsp_event = 1;
}

unsigned netrx_room(const struct netrx_ring *r)
{
	return NETRING_SLOTS - (r->prod - r->cons);
}

void netrx_put(struct netrx_ring *r, grant_ref_t gref)
{
	unsigned slot = netrx_next_slot(r);
	struct netif_rx_request *req = &r->shared->ring[slot].req;

	*req = (struct netif_rx_request){.id = (u16)slot, .gref = gref};
	r->prod++;
}

bool netrx_publish(struct netrx_ring *r)
{
	return publish(&r->shared->req_prod, &r->shared->req_event, r->prod,
		       &r->published);
}

int netrx_next(struct netrx_ring *r, struct netrx_frag *f, bool *in_extra)
{
	int n = answers(&r->shared->rsp_prod, &r->shared->rsp_event, r->cons, r->prod);
	struct netif_rx_response rsp;

	if (n <= 0)
		return n;
	memset(f, 0, sizeof(*f));
	/* Answers come in the order of the requests, each in its request's slot. The slot
	 * names the buffer; the id does not count. */
	f->slot = r->cons & (NETRING_SLOTS - 1);
	memcpy(&rsp, &r->shared->ring[f->slot].rsp, sizeof(rsp));
	barrier();
	r->cons++;
	if (*in_extra) {
		struct netif_extra_info e;

		memcpy(&e, &rsp, sizeof(e));
		f->extra = true;
		*in_extra = e.flags & XEN_NETIF_EXTRA_FLAG_MORE;
		return 1;
	}
	*in_extra = rsp.flags & NETRXF_extra_info;
	f->more = rsp.flags & NETRXF_more_data;
	f->csum_blank = rsp.flags & NETRXF_csum_blank;
	f->csum_ok = rsp.flags & NETRXF_data_validated;
	if (rsp.status < 0 || rsp.offset > 4096 || rsp.status > 4096 - rsp.offset) {
		f->bad = true;
		return 1;
	}
	f->off = rsp.offset;
	f->len = (u16)rsp.status;
	return 1;
}
