/* SPDX-License-Identifier: MIT */
/* One xenstore connection shared by many clients: request ids, watches, transactions. */
#ifndef NUB_XEN_XS_MUX_H
#define NUB_XEN_XS_MUX_H

#include "xs_ring.h"

#include <nub/list.h>
#include <nub/types.h>

#include <xen/io/xs_wire.h>

#define XS_CLIENT_MAX_PENDING 64
#define XS_CLIENT_MAX_WATCHES 256
#define XS_CLIENT_MAX_EVENTS                                                             \
	1024 /* undelivered messages; a reader this late loses events */

/* A whole message, kmalloc'ed. The body has a NUL behind its last byte. */
struct xs_msg {
	struct list link;
	struct xsd_sockmsg hdr;
	char body[];
};

struct xs_mux;

/* One user of the connection: an open /dev/xen/xenbus, or the kernel itself. */
struct xs_client {
	struct list link;
	struct xs_mux *mux;
	/* Takes a reply (with the client's own req_id) or a watch event; owns the message
	 * from then on. Called from xs_mux_pump, maybe in an interrupt. */
	void (*deliver)(struct xs_client *c, struct xs_msg *m);
	struct list watches; /* struct xs_watch */
	struct list transactions;
	unsigned pending, nwatches;
	void *priv;
};

struct xs_mux {
	struct xs_ring req, rsp;
	struct list clients;
	struct list out;     /* struct xs_msg with wire ids, not yet wholly in the ring */
	size_t out_done;     /* bytes of out's first message already in the ring */
	struct list pending; /* struct xs_pending */
	u32 next_id;
	/* the message being received */
	struct xsd_sockmsg in_hdr;
	struct xs_msg *in;
	size_t in_done;
	bool discard; /* no memory for it: read and forget */
	bool dead;    /* the peer broke the protocol; every request fails with EIO */
	u64 dropped;
};

void xs_mux_init(struct xs_mux *mux, struct xenstore_domain_interface *page);
void xs_client_init(struct xs_mux *mux, struct xs_client *c,
		    void (*deliver)(struct xs_client *, struct xs_msg *), void *priv);

/*
 * Queues a request of hdr->len bytes of body. The reply comes to c->deliver with
 * hdr->req_id, maybe before this returns. 0, or -EINVAL (length, type), -EAGAIN (too many
 * outstanding), -ENOMEM, -EIO.
 */
int xs_client_submit(struct xs_client *c, const struct xsd_sockmsg *hdr,
		     const void *body);

/* Ends the client: its transactions are aborted, its watches removed, replies dropped. */
void xs_client_close(struct xs_client *c);

/* Moves what can be moved; true if the peer should be notified. */
bool xs_mux_pump(struct xs_mux *mux);

#endif
