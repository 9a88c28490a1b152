/* SPDX-License-Identifier: MIT */
/* The shared rings of a paravirtual network interface, seen from a front end. */
#ifndef NUB_DRIVERS_NETRING_H
#define NUB_DRIVERS_NETRING_H

#include <nub/types.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#define NETRING_SLOTS 256 /* of a one-page ring, both directions */

_Static_assert(sizeof(struct netif_tx_request) == 12, "netif tx layout");
_Static_assert(sizeof(struct netif_rx_response) == 8, "netif rx layout");
_Static_assert(sizeof(struct netif_extra_info) == 8, "netif extra layout");

struct nettx_ring {
	struct netif_tx_sring *shared;
	u32 prod, published, cons;
	u64 busy[NETRING_SLOTS / 64];
};

struct netrx_ring {
	struct netif_rx_sring *shared;
	u32 prod, published, cons;
};

/* One answer on the receive ring. The buffer is the one posted as `slot`. */
struct netrx_frag {
	unsigned slot;
	u16 off, len;
	bool more;  /* the frame goes on in the next fragment */
	bool bad;   /* an error of the back end or a lie: drop the frame */
	bool extra; /* not data: the slot was used up for extra information */
	bool csum_blank, csum_ok;
};

void nettx_init(struct nettx_ring *r, void *page);
/* Requests that still fit. */
unsigned nettx_room(const struct nettx_ring *r);
/* Puts one fragment; returns the id under which it will be answered, or -1 when none is
 * free. `flags` are NETTXF_*; the first fragment's `size` is that of the whole frame. */
int nettx_put(struct nettx_ring *r, grant_ref_t gref, u16 off, u16 size, u16 flags);
/* The extra slot right behind a first fragment with NETTXF_extra_info. */
void nettx_put_gso(struct nettx_ring *r, u16 gso_size, bool ipv6);
bool nettx_publish(struct nettx_ring *r);
/* 1: fragment *id is done; 0: nothing more, the next answer will notify; -EPROTO. */
int nettx_next(struct nettx_ring *r, unsigned *id, int *status);

void netrx_init(struct netrx_ring *r, void *page);
unsigned netrx_room(const struct netrx_ring *r);
/* The slot that the next netrx_put will use. */
static inline unsigned netrx_next_slot(const struct netrx_ring *r)
{
	return r->prod & (NETRING_SLOTS - 1);
}
/* Posts a whole page as a buffer. */
void netrx_put(struct netrx_ring *r, grant_ref_t gref);
bool netrx_publish(struct netrx_ring *r);
/* 1: *f was filled; 0: nothing more, the next one will notify; -EPROTO.
 * *in_extra is the caller's, false at first: extra slots may follow one another. */
int netrx_next(struct netrx_ring *r, struct netrx_frag *f, bool *in_extra);

#endif
