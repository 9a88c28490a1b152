/* SPDX-License-Identifier: MIT */
/* One xenstore connection shared by many clients: request ids, watches, transactions. */
#include "xs_mux.h"

#include <nub/errno.h>
#include <nub/slab.h>
#include <nub/string.h>

/*
 * Every request goes out under an id of ours, every watch under a token of ours ("w" and
 * a number).  So clients can neither see nor disturb one another.  Transaction ids are
 * unique for the connection already: we only check their owner.
 */

struct xs_watch {
	struct list link;
	u32 id;
	bool closing; /* unwatch is on its way: no more events */
	char *token;  /* the client's; behind the path in the same allocation */
	char path[];
};

struct xs_transaction {
	struct list link;
	u32 id;
};

struct xs_pending {
	struct list link;
	struct xs_client *client; /* NULL: gone, or a request of the mux itself */
	u32 wire_id, user_id, type;
	u32 tx_id;
	u32 watch_id; /* XS_WATCH, XS_UNWATCH: which */
};

void xs_mux_init(struct xs_mux *mux, struct xenstore_domain_interface *page)
{
	memset(mux, 0, sizeof(*mux));
	mux->req = (struct xs_ring){page->req, XENSTORE_RING_SIZE, &page->req_prod,
				    &page->req_cons, page->req_prod};
	mux->rsp = (struct xs_ring){page->rsp, XENSTORE_RING_SIZE, &page->rsp_prod,
				    &page->rsp_cons, page->rsp_cons};
	list_init(&mux->clients);
	list_init(&mux->out);
	list_init(&mux->pending);
	mux->next_id = 1;
}

void xs_client_init(struct xs_mux *mux, struct xs_client *c,
		    void (*deliver)(struct xs_client *, struct xs_msg *), void *priv)
{
	memset(c, 0, sizeof(*c));
	c->mux = mux;
	c->deliver = deliver;
	c->priv = priv;
	list_init(&c->watches);
	list_init(&c->transactions);
	list_add_tail(&mux->clients, &c->link);
}

static struct xs_msg *msg_new(u32 type, u32 req_id, u32 tx_id, size_t len)
{
	struct xs_msg *m = kmalloc(sizeof(*m) + len + 1);

	if (!m)
		return NULL;
	m->hdr = (struct xsd_sockmsg){type, req_id, tx_id, (u32)len};
	m->body[len] = 0;
	list_init(&m->link);
	return m;
}

static void deliver_text(struct xs_client *c, u32 type, u32 req_id, u32 tx_id,
			 const char *text)
{
	size_t len = strlen(text) + 1;
	struct xs_msg *m = msg_new(type, req_id, tx_id, len);

	if (!m)
		return;
	memcpy(m->body, text, len);
	c->deliver(c, m);
}

static struct xs_watch *watch_find(struct xs_client *c, const char *path,
				   const char *token)
{
	struct xs_watch *w;

	list_for_each(w, &c->watches, link)
		if (!w->closing && !strcmp(w->path, path) && !strcmp(w->token, token))
			return w;
	return NULL;
}

static void watch_remove(struct xs_client *c, u32 id)
{
	struct xs_watch *w, *n;

	list_for_each_safe(w, n, &c->watches, link) {
		if (w->id != id)
			continue;
		list_del(&w->link);
		c->nwatches--;
		kfree(w);
	}
}

static bool transaction_owned(struct xs_client *c, u32 id)
{
	struct xs_transaction *t;

	list_for_each(t, &c->transactions, link)
		if (t->id == id)
			return true;
	return false;
}

static void transaction_remove(struct xs_client *c, u32 id)
{
	struct xs_transaction *t, *n;

	list_for_each_safe(t, n, &c->transactions, link) {
		if (t->id != id)
			continue;
		list_del(&t->link);
		kfree(t);
	}
}

/* Queues a message under a fresh id; client NULL: nobody wants the answer. */
static int send(struct xs_mux *mux, struct xs_client *c, struct xs_msg *m, u32 watch_id)
{
	struct xs_pending *p = mux->dead ? NULL : kmalloc(sizeof(*p));

	if (!p) {
		kfree(m);
		return mux->dead ? -EIO : -ENOMEM;
	}
	p->client = c;
	p->user_id = m->hdr.req_id;
	p->type = m->hdr.type;
	p->tx_id = m->hdr.tx_id;
	p->watch_id = watch_id;
	p->wire_id = m->hdr.req_id = mux->next_id++;
	list_add_tail(&mux->pending, &p->link);
	list_add_tail(&mux->out, &m->link);
	if (c)
		c->pending++;
	return 0;
}

/* "<path>\0w<id>\0" */
static struct xs_msg *watch_msg(u32 type, u32 req_id, const char *path, u32 id)
{
	char token[16];
	size_t np = strlen(path) + 1;
	size_t nt = (size_t)snprintf(token, sizeof(token), "w%x", id) + 1;
	struct xs_msg *m = msg_new(type, req_id, 0, np + nt);

	if (!m)
		return NULL;
	memcpy(m->body, path, np);
	memcpy(m->body + np, token, nt);
	return m;
}

static int submit_watch(struct xs_client *c, const struct xsd_sockmsg *hdr,
			const char *body)
{
	const char *end = body + hdr->len;
	const char *token = memchr(body, 0, hdr->len);
	struct xs_watch *w;
	struct xs_msg *m;

	if (!token || ++token == end || !memchr(token, 0, (size_t)(end - token)))
		return -EINVAL;
	w = watch_find(c, body, token);
	if (hdr->type == XS_UNWATCH) {
		if (!w) {
			deliver_text(c, XS_ERROR, hdr->req_id, hdr->tx_id, "ENOENT");
			return 0;
		}
		m = watch_msg(XS_UNWATCH, hdr->req_id, w->path, w->id);
		if (!m)
			return -ENOMEM;
		w->closing = true;
		return send(c->mux, c, m, w->id);
	}
	if (w || c->nwatches >= XS_CLIENT_MAX_WATCHES) {
		deliver_text(c, XS_ERROR, hdr->req_id, hdr->tx_id,
			     w ? "EEXIST" : "E2BIG");
		return 0;
	}
	w = kmalloc(sizeof(*w) + hdr->len);
	if (!w)
		return -ENOMEM;
	memcpy(w->path, body, hdr->len);
	w->token = w->path + (token - body);
	w->id = c->mux->next_id++;
	w->closing = false;
	m = watch_msg(XS_WATCH, hdr->req_id, w->path, w->id);
	if (!m) {
		kfree(w);
		return -ENOMEM;
	}
	/* The first event may come before the reply: the watch must be known by then. */
	list_add_tail(&c->watches, &w->link);
	c->nwatches++;
	if (send(c->mux, c, m, w->id) < 0) {
		watch_remove(c, w->id);
		return -ENOMEM;
	}
	return 0;
}

int xs_client_submit(struct xs_client *c, const struct xsd_sockmsg *hdr, const void *body)
{
	struct xs_msg *m;

	if (hdr->len > XENSTORE_PAYLOAD_MAX || hdr->type == XS_WATCH_EVENT ||
	    hdr->type == XS_RESET_WATCHES || hdr->type == XS_ERROR)
		return -EINVAL;
	if (c->mux->dead)
		return -EIO;
	if (c->pending >= XS_CLIENT_MAX_PENDING)
		return -EAGAIN;
	if (hdr->tx_id && !transaction_owned(c, hdr->tx_id)) {
		/* An answer, as xenstored would give: libxenstore closes its descriptor
		 * when the write itself fails. */
		deliver_text(c, XS_ERROR, hdr->req_id, hdr->tx_id, "ENOENT");
		return 0;
	}
	if (hdr->type == XS_WATCH || hdr->type == XS_UNWATCH)
		return submit_watch(c, hdr, body);
	m = msg_new(hdr->type, hdr->req_id, hdr->tx_id, hdr->len);
	if (!m)
		return -ENOMEM;
	memcpy(m->body, body, hdr->len);
	return send(c->mux, c, m, 0);
}

static void abort_transaction(struct xs_mux *mux, u32 id)
{
	struct xs_msg *m = msg_new(XS_TRANSACTION_END, 0, id, 2);

	if (!m)
		return;
	memcpy(m->body, "F", 2);
	send(mux, NULL, m, 0);
}

void xs_client_close(struct xs_client *c)
{
	struct xs_mux *mux = c->mux;
	struct xs_pending *p;
	struct xs_transaction *t, *tn;
	struct xs_watch *w, *wn;

	list_for_each(p, &mux->pending, link)
		if (p->client == c)
			p->client = NULL;
	list_for_each_safe(t, tn, &c->transactions, link) {
		abort_transaction(mux, t->id);
		list_del(&t->link);
		kfree(t);
	}
	list_for_each_safe(w, wn, &c->watches, link) {
		/* Requests are answered in order, so this is right even while the watch
		 * itself is still on its way. */
		struct xs_msg *m =
			w->closing ? NULL : watch_msg(XS_UNWATCH, 0, w->path, w->id);

		if (m)
			send(mux, NULL, m, 0);
		list_del(&w->link);
		kfree(w);
	}
	list_del(&c->link);
}

static void route_event(struct xs_mux *mux, struct xs_msg *m)
{
	char *token = memchr(m->body, 0, m->hdr.len);
	struct xs_client *c;
	struct xs_watch *w;
	const char *end;
	u32 id;

	if (!token || token + 1 >= m->body + m->hdr.len || token[1] != 'w')
		goto drop;
	id = 0;
	for (end = token + 2; *end && end < token + 10; end++) {
		u32 d = *end >= '0' && *end <= '9'   ? (u32)(*end - '0')
			: *end >= 'a' && *end <= 'f' ? (u32)(*end - 'a' + 10)
						     : 16;

		if (d == 16)
			goto drop;
		id = id << 4 | d;
	}
	list_for_each(c, &mux->clients, link) {
		list_for_each(w, &c->watches, link) {
			size_t np = (size_t)(token - m->body) + 1;
			size_t nt = strlen(w->token) + 1;
			struct xs_msg *e;

			if (w->id != id || w->closing)
				continue;
			e = msg_new(XS_WATCH_EVENT, 0, 0, np + nt);
			if (!e)
				goto drop;
			memcpy(e->body, m->body, np);
			memcpy(e->body + np, w->token, nt);
			c->deliver(c, e);
			kfree(m);
			return;
		}
	}
drop:
	mux->dropped++;
	kfree(m);
}

/* Bookkeeping that a reply brings, whether or not its client still lives. */
static void settle(struct xs_mux *mux, struct xs_pending *p, const struct xs_msg *m)
{
	bool ok = m->hdr.type == p->type;
	struct xs_transaction *t;
	u32 id;

	switch (p->type) {
	case XS_TRANSACTION_START:
		id = ok ? (u32)strtou64(m->body, NULL) : 0;
		if (!id)
			break;
		t = p->client ? kmalloc(sizeof(*t)) : NULL;
		if (!t) {
			abort_transaction(mux, id);
			break;
		}
		t->id = id;
		list_add_tail(&p->client->transactions, &t->link);
		break;
	case XS_TRANSACTION_END:
		if (p->client)
			transaction_remove(p->client, p->tx_id);
		break;
	case XS_WATCH:
		if (p->client && !ok)
			watch_remove(p->client, p->watch_id);
		break;
	case XS_UNWATCH:
		if (p->client)
			watch_remove(p->client, p->watch_id);
		break;
	}
}

static void route(struct xs_mux *mux, struct xs_msg *m)
{
	struct xs_pending *p;

	if (m->hdr.type == XS_WATCH_EVENT) {
		route_event(mux, m);
		return;
	}
	list_for_each(p, &mux->pending, link) {
		struct xs_client *c = p->client;

		if (p->wire_id != m->hdr.req_id)
			continue;
		list_del(&p->link);
		settle(mux, p, m);
		m->hdr.req_id = p->user_id;
		kfree(p);
		if (c) {
			c->pending--;
			c->deliver(c, m);
		} else {
			kfree(m);
		}
		return;
	}
	mux->dropped++;
	kfree(m);
}

/* The connection cannot be used any more: every waiter is told so. */
static void die(struct xs_mux *mux)
{
	struct xs_pending *p, *pn;
	struct xs_msg *m, *mn;

	mux->dead = true;
	list_for_each_safe(m, mn, &mux->out, link) {
		list_del(&m->link);
		kfree(m);
	}
	kfree(mux->in);
	mux->in = NULL;
	list_for_each_safe(p, pn, &mux->pending, link) {
		list_del(&p->link);
		if (p->client) {
			p->client->pending--;
			deliver_text(p->client, XS_ERROR, p->user_id, p->tx_id, "EIO");
		}
		kfree(p);
	}
}

/* One step of input: 1 progress, 0 nothing there, -EPROTO. */
static int pump_in(struct xs_mux *mux)
{
	char scratch[128];
	size_t want;
	int n;

	if (mux->in_done < sizeof(mux->in_hdr)) {
		n = xs_ring_read(&mux->rsp, (char *)&mux->in_hdr + mux->in_done,
				 sizeof(mux->in_hdr) - mux->in_done);
		if (n <= 0)
			return n;
		mux->in_done += (size_t)n;
		if (mux->in_done < sizeof(mux->in_hdr))
			return 1;
		if (mux->in_hdr.len > XENSTORE_PAYLOAD_MAX)
			return -EPROTO;
		mux->in = msg_new(0, 0, 0, mux->in_hdr.len);
		mux->discard = !mux->in;
		if (mux->in)
			mux->in->hdr = mux->in_hdr;
	}
	want = sizeof(mux->in_hdr) + mux->in_hdr.len - mux->in_done;
	if (want) {
		if (mux->discard)
			n = xs_ring_read(&mux->rsp, scratch, MIN(want, sizeof(scratch)));
		else
			n = xs_ring_read(
				&mux->rsp,
				mux->in->body + mux->in_done - sizeof(mux->in_hdr), want);
		if (n <= 0)
			return n;
		mux->in_done += (size_t)n;
		if ((size_t)n < want)
			return 1;
	}
	mux->in_done = 0;
	if (mux->discard) {
		struct xs_msg *e = msg_new(XS_ERROR, mux->in_hdr.req_id, 0, 7);

		mux->dropped++;
		if (e) {
			memcpy(e->body, "ENOMEM", 7);
			route(mux, e);
		}
	} else {
		struct xs_msg *m = mux->in;

		mux->in = NULL;
		route(mux, m);
	}
	return 1;
}

/* One step of output: as pump_in. */
static int pump_out(struct xs_mux *mux)
{
	struct xs_msg *m;
	size_t total;
	int n;

	if (list_empty(&mux->out))
		return 0;
	m = list_first(&mux->out, struct xs_msg, link);
	total = sizeof(m->hdr) + m->hdr.len;
	if (mux->out_done < sizeof(m->hdr))
		n = xs_ring_write(&mux->req, (char *)&m->hdr + mux->out_done,
				  sizeof(m->hdr) - mux->out_done);
	else
		n = xs_ring_write(&mux->req, m->body + mux->out_done - sizeof(m->hdr),
				  total - mux->out_done);
	if (n < 0)
		return n;
	mux->out_done += (size_t)n;
	if (mux->out_done == total) {
		mux->out_done = 0;
		list_del(&m->link);
		kfree(m);
		return 1;
	}
	return n > 0;
}

bool xs_mux_pump(struct xs_mux *mux)
{
	bool moved = false;
	int in, out;

	if (mux->dead)
		return false;
	do {
		in = pump_in(mux);
		out = in < 0 ? in : pump_out(mux);
		if (in < 0 || out < 0) {
			die(mux);
			return true;
		}
		moved |= in || out;
	} while (in || out);
	return moved;
}
