/* SPDX-License-Identifier: MIT */
/* Xenstore for the kernel's own use: blocking calls and watches with call-backs. */
#include "store.h"

#include "core.h"
#include "event.h"

#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/panic.h>
#include <nub/printk.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/string.h>

#include <xen/hvm/params.h>

#define PATIENCE (10 * NS_PER_SEC)

struct xs_mux xen_store;
static struct xs_client kernel_client;
static struct list calls = LIST_INIT(calls);
static struct list watches = LIST_INIT(watches);
static struct waitq answered = {LIST_INIT(answered.waiters)};
static u32 next_call = 1;
static u32 port;
static bool up;

struct call {
	struct list link;
	u32 id;
	struct xs_msg *reply;
};

/* For the reader of the log: whose indices or header they are that cannot be. */
static void say_dead(void)
{
	const struct xs_ring *q = &xen_store.req, *s = &xen_store.rsp;
	const struct xsd_sockmsg *h = &xen_store.in_hdr;

	printk("xenstore: the protocol is broken: requests %u to %u (ours %u), answers %u "
	       "to %u (ours %u), header %u %u %u %u\n",
	       *q->cons, *q->prod, q->own, *s->cons, *s->prod, s->own, h->type, h->req_id,
	       h->tx_id, h->len);
}

void store_pump(void)
{
	bool dead = xen_store.dead;

	if (!up || !xs_mux_pump(&xen_store))
		return;
	if (xen_store.dead && !dead)
		say_dead();
	event_notify(port);
}

static void store_event(u32 p, void *arg)
{
	store_pump();
}

static void watch_event(struct xs_msg *m)
{
	const char *token = memchr(m->body, 0, m->hdr.len);
	struct store_watch *w;
	u32 id = token ? (u32)strtou64(token + 1, NULL) : 0;

	kfree(m);
	list_for_each(w, &watches, link) {
		if (w->id != id)
			continue;
		w->fn(w);
		return;
	}
}

static void kernel_deliver(struct xs_client *c, struct xs_msg *m)
{
	struct call *call;

	if (m->hdr.type == XS_WATCH_EVENT) {
		watch_event(m);
		return;
	}
	list_for_each(call, &calls, link) {
		if (call->id != m->hdr.req_id)
			continue;
		call->reply = m;
		waitq_wake(&answered, 0);
		return;
	}
	/* Of store_post, or the caller gave up. */
	if (m->hdr.type == XS_ERROR)
		printk("xenstore: refused: %s\n", m->body);
	kfree(m);
	waitq_wake(&answered, 0);
}

static int store_errno(const char *name)
{
	static const struct {
		char name[12];
		int value;
	} known[] = {
		{"EINVAL", EINVAL}, {"EACCES", EACCES}, {"EEXIST", EEXIST},
		{"EISDIR", EISDIR}, {"ENOENT", ENOENT}, {"ENOMEM", ENOMEM},
		{"ENOSPC", ENOSPC}, {"EAGAIN", EAGAIN}, {"EPERM", EPERM},
		{"EROFS", EROFS},   {"EBUSY", EBUSY},	{"E2BIG", E2BIG},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			return -known[i].value;
	return -EIO;
}

/* Sends a request whose answer comes to `call`; NULL: to nobody. */
static int send(struct call *call, u32 type, const void *body, size_t len)
{
	struct xsd_sockmsg hdr = {type, next_call++, 0, (u32)len};
	u64 deadline = clock_now() + PATIENCE;
	int err;

	if (!up)
		return -ENODEV;
	if (call) {
		*call = (struct call){.id = hdr.req_id};
		list_add_tail(&calls, &call->link);
	}
	/* Too many on their way: each answer makes room. */
	while ((err = xs_client_submit(&kernel_client, &hdr, body)) == -EAGAIN &&
	       !waitq_sleep_hard(&answered, deadline))
		;
	store_pump();
	if (err && call)
		list_del(&call->link);
	return err;
}

/* The answer to the last request, which the caller frees. */
static int receive(struct call *call, struct xs_msg **reply)
{
	u64 deadline = clock_now() + PATIENCE;
	int err = 0;

	while (!err && !call->reply)
		err = waitq_sleep_hard(&answered, deadline);
	list_del(&call->link);
	if (call->reply)
		err = 0;
	if (!err && call->reply->hdr.type == XS_ERROR)
		err = store_errno(call->reply->body);
	if (err) {
		kfree(call->reply);
		return err;
	}
	*reply = call->reply;
	return 0;
}

static int transact(u32 type, const void *body, size_t len, struct xs_msg **reply)
{
	struct call call;
	int err = send(&call, type, body, len);

	return err ? err : receive(&call, reply);
}

int store_read(const char *path, char *value, size_t size)
{
	struct xs_msg *m;
	int err = transact(XS_READ, path, strlen(path) + 1, &m);

	if (err)
		return err;
	strlcpy(value, m->body, size);
	if (m->hdr.len >= size)
		err = -E2BIG;
	kfree(m);
	return err;
}

static int parse_u64(const char *text, u64 *v)
{
	const char *end;

	*v = strtou64(text, &end);
	return end == text || *end ? -EINVAL : 0;
}

int store_read_u64(const char *path, u64 *v)
{
	char text[24];
	int err = store_read(path, text, sizeof(text));

	return err ? err : parse_u64(text, v);
}

void store_read_nodes(const char *dir, struct store_node *list, unsigned n)
{
	struct call sent[STORE_NODES_MAX];
	int errs[STORE_NODES_MAX];
	struct xs_msg *m;
	char path[96];
	u64 v;

	ASSERT(n <= STORE_NODES_MAX);
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, list[i].name);
		errs[i] = send(&sent[i], XS_READ, path, strlen(path) + 1);
	}
	for (unsigned i = 0; i < n; i++) {
		if (errs[i] || receive(&sent[i], &m))
			continue;
		if (list[i].text)
			strlcpy(list[i].text, m->body, list[i].size);
		else if (!parse_u64(m->body, &v))
			list[i].value = v;
		kfree(m);
	}
}

/* Sends a request to write; its answer comes to `call`, as with send(). */
static int send_write(struct call *call, const char *path, const char *value)
{
	size_t np = strlen(path) + 1, nv = strlen(value);
	char *body;
	int err;

	if (np + nv > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	body = kmalloc(np + nv);
	if (!body)
		return -ENOMEM;
	memcpy(body, path, np);
	memcpy(body + np, value, nv);
	err = send(call, XS_WRITE, body, np + nv);
	kfree(body);
	return err;
}

int store_post(const char *path, const char *value)
{
	return send_write(NULL, path, value);
}

int store_write(const char *path, const char *value)
{
	struct xs_msg *m;
	struct call call;
	int err = send_write(&call, path, value);

	if (!err)
		err = receive(&call, &m);
	if (!err)
		kfree(m);
	return err;
}

int store_list(const char *path, int (*fn)(const char *name, void *arg), void *arg)
{
	struct xs_msg *m;
	int err = transact(XS_DIRECTORY, path, strlen(path) + 1, &m);

	if (err)
		return err;
	for (u32 at = 0; !err && at < m->hdr.len;) {
		const char *name = m->body + at;

		at += (u32)strlen(name) + 1; /* the body has a NUL behind its end */
		err = fn(name, arg);
	}
	kfree(m);
	return err;
}

static int watch_call(u32 type, struct store_watch *w)
{
	char body[sizeof(w->path) + 12];
	size_t np = strlen(w->path) + 1;
	size_t n = np + (size_t)snprintf(body + np, 12, "%u", w->id) + 1;

	memcpy(body, w->path, np);
	return send(NULL, type, body, n);
}

int store_watch(struct store_watch *w, const char *path,
		void (*fn)(struct store_watch *w))
{
	int err;

	if (strlen(path) >= sizeof(w->path))
		return -ENAMETOOLONG;
	strlcpy(w->path, path, sizeof(w->path));
	w->fn = fn;
	w->id = next_call++;
	list_add_tail(&watches, &w->link);
	err = watch_call(XS_WATCH, w);
	if (err)
		list_del(&w->link);
	return err;
}

void store_unwatch(struct store_watch *w)
{
	list_del(&w->link);
	watch_call(XS_UNWATCH, w);
}

/* The last words of a kernel that crashes: no sleep, a bounded wait by polling. */
void xen_report(const char *line)
{
	static const char path[] = "data/stubdom/error";
	struct xsd_sockmsg hdr = {XS_WRITE, 0, 0, 0};
	char body[256];
	size_t n;
	u64 deadline;

	if (!up || xen_store.dead)
		return;
	memcpy(body, path, sizeof(path));
	n = sizeof(path) + (size_t)snprintf(body + sizeof(path),
					    sizeof(body) - sizeof(path), "kernel: %s",
					    line);
	hdr.len = (u32)MIN(n, sizeof(body) - 1);
	if (xs_client_submit(&kernel_client, &hdr, body))
		return;
	deadline = clock_now() + NS_PER_SEC;
	while (kernel_client.pending && clock_now() < deadline)
		store_pump();
}

void xen_store_init(void)
{
	u64 pfn = xen_param(HVM_PARAM_STORE_PFN);
	void *page;

	port = (u32)xen_param(HVM_PARAM_STORE_EVTCHN);
	page = pfn && port ? xen_map_frames(pfn, 1) : NULL;
	if (!page) {
		printk("xen: no xenstore\n");
		return;
	}
	xs_mux_init(&xen_store, page);
	xs_client_init(&xen_store, &kernel_client, kernel_deliver, NULL);
	up = true;
	if (event_adopt(port, store_event, NULL))
		printk("xen: no xenstore event\n");
}
