/* SPDX-License-Identifier: MIT */
/* The xenstore multiplexer against a model of xenstored, kind and hostile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../kernel/xen/xs_mux.h"
#include "shim.h"

static struct xenstore_domain_interface page;
static struct xs_mux mux;

/* --- the other side of the ring --- */

struct request {
	struct xsd_sockmsg hdr;
	char body[XENSTORE_PAYLOAD_MAX + 1];
};

static size_t peer_read(void *dst, size_t n)
{
	size_t got = 0;

	while (got < n && page.req_cons != page.req_prod)
		((char *)dst)[got++] = page.req[MASK_XENSTORE_IDX(page.req_cons++)];
	return got;
}

/* Reads one whole request, pumping so that long ones come through the small ring. */
static struct request peer_request(void)
{
	static struct request r;
	size_t got = 0;

	memset(&r, 0, sizeof(r));
	while (got < sizeof(r.hdr)) {
		size_t n = peer_read((char *)&r.hdr + got, sizeof(r.hdr) - got);

		got += n;
		xs_mux_pump(&mux);
		assert_true(n || got == sizeof(r.hdr));
	}
	got = 0;
	while (got < r.hdr.len) {
		size_t n = peer_read(r.body + got, r.hdr.len - got);

		got += n;
		xs_mux_pump(&mux);
		assert_true(n);
	}
	return r;
}

static void peer_write(const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		while (page.rsp_prod - page.rsp_cons == XENSTORE_RING_SIZE)
			xs_mux_pump(&mux);
		page.rsp[MASK_XENSTORE_IDX(page.rsp_prod)] = ((const char *)src)[i];
		page.rsp_prod++;
	}
}

static void peer_reply(uint32_t type, uint32_t req, const void *body, size_t len)
{
	struct xsd_sockmsg h = {type, req, 0, (uint32_t)len};

	peer_write(&h, sizeof(h));
	peer_write(body, len);
	xs_mux_pump(&mux);
}

static void reply_text(uint32_t type, uint32_t req, const char *text)
{
	peer_reply(type, req, text, strlen(text) + 1);
}

/* --- clients --- */

struct client {
	struct xs_client c;
	struct xs_msg *got[16];
	unsigned n;
};

static void deliver(struct xs_client *c, struct xs_msg *m)
{
	struct client *x = c->priv;

	assert_true(x->n < 16);
	x->got[x->n++] = m;
}

static void client_open(struct client *x)
{
	memset(x, 0, sizeof(*x));
	xs_client_init(&mux, &x->c, deliver, x);
}

static void client_clear(struct client *x)
{
	for (unsigned i = 0; i < x->n; i++)
		kfree(x->got[i]);
	x->n = 0;
}

static int submit_tx(struct client *x, uint32_t type, uint32_t id, uint32_t tx,
		     const void *body, size_t len)
{
	struct xsd_sockmsg h = {type, id, tx, (uint32_t)len};
	int ret = xs_client_submit(&x->c, &h, body);

	xs_mux_pump(&mux);
	return ret;
}

static int submit(struct client *x, uint32_t type, uint32_t id, const char *body,
		  size_t len)
{
	return submit_tx(x, type, id, 0, body, len);
}

static int setup(void **state)
{
	memset(&page, 0, sizeof(page));
	shim_fail_after = -1;
	shim_allocations = 0;
	xs_mux_init(&mux, &page);
	return 0;
}

/* A test's unfinished work ends with the connection, and nothing is leaked. */
static int teardown(void **state)
{
	page.rsp_prod = page.rsp_cons + 5000;
	xs_mux_pump(&mux);
	return shim_allocations ? -1 : 0;
}

/* Two clients with the same request id get their own answers, also out of order. */
static void test_ids(void **state)
{
	struct client a, b;
	struct request ra, rb;

	client_open(&a);
	client_open(&b);
	assert_int_equal(submit(&a, XS_READ, 7, "name", 5), 0);
	assert_int_equal(submit(&b, XS_READ, 7, "domid", 6), 0);
	ra = peer_request();
	rb = peer_request();
	assert_int_not_equal(ra.hdr.req_id, rb.hdr.req_id);
	assert_string_equal(ra.body, "name");
	assert_string_equal(rb.body, "domid");
	peer_reply(XS_READ, rb.hdr.req_id, "5", 1);
	peer_reply(XS_READ, ra.hdr.req_id, "guest", 5);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.got[0]->hdr.req_id, 7);
	assert_string_equal(a.got[0]->body, "guest");
	assert_int_equal(b.n, 1);
	assert_string_equal(b.got[0]->body, "5");
	client_clear(&a);
	client_clear(&b);
	xs_client_close(&a.c);
	xs_client_close(&b.c);
	assert_int_equal(shim_allocations, 0);
}

/* A request and an answer longer than the ring. */
static void test_long(void **state)
{
	static char big[4000];
	struct client a;
	struct request r;

	memset(big, 'x', sizeof(big));
	memcpy(big, "path", 5);
	client_open(&a);
	assert_int_equal(submit(&a, XS_WRITE, 1, big, sizeof(big)), 0);
	r = peer_request();
	assert_int_equal(r.hdr.len, sizeof(big));
	assert_memory_equal(r.body, big, sizeof(big));
	peer_reply(XS_WRITE, r.hdr.req_id, big, sizeof(big));
	assert_int_equal(a.n, 1);
	assert_memory_equal(a.got[0]->body, big, sizeof(big));
	client_clear(&a);
	assert_int_equal(submit(&a, XS_WRITE, 1, big, XENSTORE_PAYLOAD_MAX + 1), -EINVAL);
	xs_client_close(&a.c);
}

/* The same path and token from two clients are two watches; each hears its own. */
static void test_watches(void **state)
{
	struct client a, b;
	struct request ra, rb;
	char event[64];
	size_t n;

	client_open(&a);
	client_open(&b);
	assert_int_equal(submit(&a, XS_WATCH, 1, "dir\0tok", 8), 0);
	assert_int_equal(submit(&b, XS_WATCH, 1, "dir\0tok", 8), 0);
	ra = peer_request();
	rb = peer_request();
	assert_string_equal(ra.body, "dir");
	assert_string_not_equal(ra.body + 4, rb.body + 4);
	/* xenstored's first event may come before its answer */
	n = (size_t)snprintf(event, sizeof(event), "dir%c%.20s", 0, ra.body + 4) + 1;
	peer_reply(XS_WATCH_EVENT, 0, event, n);
	reply_text(XS_WATCH, ra.hdr.req_id, "OK");
	reply_text(XS_WATCH, rb.hdr.req_id, "OK");
	assert_int_equal(a.n, 2);
	assert_int_equal(b.n, 1);
	assert_int_equal(a.got[0]->hdr.type, XS_WATCH_EVENT);
	assert_string_equal(a.got[0]->body, "dir");
	assert_string_equal(a.got[0]->body + 4, "tok");
	client_clear(&a);
	client_clear(&b);
	/* twice the same watch of one client */
	assert_int_equal(submit(&a, XS_WATCH, 2, "dir\0tok", 8), 0);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.got[0]->body, "EEXIST");
	client_clear(&a);
	/* below a watched path the event names the node */
	n = (size_t)snprintf(event, sizeof(event), "dir/sub%c%.20s", 0, rb.body + 4) + 1;
	peer_reply(XS_WATCH_EVENT, 0, event, n);
	assert_int_equal(b.n, 1);
	assert_string_equal(b.got[0]->body, "dir/sub");
	client_clear(&b);
	/* after unwatch: silence, even before its answer */
	assert_int_equal(submit(&b, XS_UNWATCH, 3, "dir\0tok", 8), 0);
	rb = peer_request();
	assert_int_equal(rb.hdr.type, XS_UNWATCH);
	peer_reply(XS_WATCH_EVENT, 0, event, n);
	assert_int_equal(b.n, 0);
	reply_text(XS_UNWATCH, rb.hdr.req_id, "OK");
	assert_int_equal(b.n, 1);
	assert_int_equal(b.got[0]->hdr.req_id, 3);
	client_clear(&b);
	assert_int_equal(submit(&b, XS_UNWATCH, 4, "dir\0tok", 8), 0);
	assert_string_equal(b.got[0]->body, "ENOENT");
	client_clear(&b);
	xs_client_close(&b.c);
	xs_client_close(&a.c);
	xs_mux_pump(&mux);
	ra = peer_request();
	assert_int_equal(ra.hdr.type, XS_UNWATCH);
	reply_text(XS_UNWATCH, ra.hdr.req_id, "OK");
	assert_int_equal(shim_allocations, 0);
}

/* A watch that xenstored refuses is forgotten; malformed ones never leave. */
static void test_watch_refused(void **state)
{
	struct client a;
	struct request r;

	client_open(&a);
	assert_int_equal(submit(&a, XS_WATCH, 1, "dir\0tok", 8), 0);
	r = peer_request();
	reply_text(XS_ERROR, r.hdr.req_id, "EACCES");
	assert_string_equal(a.got[0]->body, "EACCES");
	assert_int_equal(a.c.nwatches, 0);
	assert_int_equal(submit(&a, XS_WATCH, 1, "dir", 4), -EINVAL);
	assert_int_equal(submit(&a, XS_WATCH, 1, "dir\0t", 5), -EINVAL);
	assert_int_equal(submit(&a, XS_WATCH, 1, "dir", 3), -EINVAL);
	assert_int_equal(submit(&a, XS_RESET_WATCHES, 1, "", 1), -EINVAL);
	assert_int_equal(submit(&a, XS_WATCH_EVENT, 1, "a\0b", 4), -EINVAL);
	client_clear(&a);
	xs_client_close(&a.c);
	assert_int_equal(shim_allocations, 0);
}

/* Transactions belong to the client that began them and end with it. */
static void test_transactions(void **state)
{
	struct client a, b;
	struct request r;

	client_open(&a);
	client_open(&b);
	assert_int_equal(submit(&a, XS_TRANSACTION_START, 1, "", 1), 0);
	r = peer_request();
	reply_text(XS_TRANSACTION_START, r.hdr.req_id, "42");
	assert_int_equal(submit_tx(&b, XS_READ, 1, 42, "x", 2), 0);
	assert_int_equal(b.n, 1);
	assert_string_equal(b.got[0]->body, "ENOENT");
	client_clear(&b);
	assert_int_equal(submit_tx(&a, XS_READ, 2, 42, "x", 2), 0);
	r = peer_request();
	assert_int_equal(r.hdr.tx_id, 42);
	reply_text(XS_ERROR, r.hdr.req_id, "ENOENT");
	client_clear(&a);
	xs_client_close(&a.c);
	xs_mux_pump(&mux);
	r = peer_request();
	assert_int_equal(r.hdr.type, XS_TRANSACTION_END);
	assert_int_equal(r.hdr.tx_id, 42);
	assert_string_equal(r.body, "F");
	reply_text(XS_TRANSACTION_END, r.hdr.req_id, "OK");
	/* begun, but its client is gone when the answer comes */
	assert_int_equal(submit(&b, XS_TRANSACTION_START, 1, "", 1), 0);
	r = peer_request();
	xs_client_close(&b.c);
	reply_text(XS_TRANSACTION_START, r.hdr.req_id, "43");
	r = peer_request();
	assert_int_equal(r.hdr.type, XS_TRANSACTION_END);
	assert_int_equal(r.hdr.tx_id, 43);
	reply_text(XS_TRANSACTION_END, r.hdr.req_id, "OK");
	assert_int_equal(shim_allocations, 0);
}

static void test_ended_transaction(void **state)
{
	struct client a;
	struct request r;

	client_open(&a);
	assert_int_equal(submit(&a, XS_TRANSACTION_START, 1, "", 1), 0);
	r = peer_request();
	reply_text(XS_TRANSACTION_START, r.hdr.req_id, "9");
	assert_int_equal(submit_tx(&a, XS_TRANSACTION_END, 2, 9, "T", 2), 0);
	r = peer_request();
	reply_text(XS_TRANSACTION_END, r.hdr.req_id, "OK");
	client_clear(&a);
	assert_int_equal(submit_tx(&a, XS_READ, 3, 9, "x", 2), 0);
	assert_string_equal(a.got[0]->body, "ENOENT");
	client_clear(&a);
	xs_client_close(&a.c);
	assert_int_equal(shim_allocations, 0);
}

static void test_too_many(void **state)
{
	struct client a;

	client_open(&a);
	for (unsigned i = 0; i < XS_CLIENT_MAX_PENDING; i++)
		assert_int_equal(submit(&a, XS_READ, i, "x", 2), 0);
	assert_int_equal(submit(&a, XS_READ, 99, "x", 2), -EAGAIN);
	for (unsigned i = 0; i < XS_CLIENT_MAX_PENDING; i++) {
		struct request r = peer_request();

		peer_reply(XS_READ, r.hdr.req_id, "v", 1);
		client_clear(&a);
	}
	assert_int_equal(submit(&a, XS_READ, 99, "x", 2), 0);
	xs_client_close(&a.c);
}

/* Answers to nothing, events for nobody, tokens that are not ours. */
static void test_unasked(void **state)
{
	static const char *const tokens[] = {"", "w", "wzz", "x1", "w123456789", "w1"};
	struct client a;
	char event[64];

	client_open(&a);
	reply_text(XS_READ, 12345, "hello");
	peer_reply(XS_WATCH_EVENT, 0, "", 0);
	peer_reply(XS_WATCH_EVENT, 0, "nonul", 5);
	for (unsigned i = 0; i < sizeof(tokens) / sizeof(*tokens); i++)
		peer_reply(XS_WATCH_EVENT, 0, event,
			   (size_t)snprintf(event, sizeof(event), "p%c%s", 0, tokens[i]) +
				   1);
	assert_int_equal(a.n, 0);
	assert_int_equal(mux.dropped, 9);
	assert_false(mux.dead);
	xs_client_close(&a.c);
	assert_int_equal(shim_allocations, 0);
}

/* A break of the protocol ends the connection, and every waiter hears EIO. */
static void test_protocol_broken(void **state)
{
	struct xsd_sockmsg h = {XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1};
	struct client a;

	client_open(&a);
	assert_int_equal(submit(&a, XS_READ, 5, "x", 2), 0);
	peer_write(&h, sizeof(h));
	xs_mux_pump(&mux);
	assert_true(mux.dead);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.got[0]->hdr.req_id, 5);
	assert_string_equal(a.got[0]->body, "EIO");
	assert_int_equal(submit(&a, XS_READ, 6, "x", 2), -EIO);
	client_clear(&a);
	xs_client_close(&a.c);
	assert_int_equal(shim_allocations, 0);
}

static void test_index_out_of_range(void **state)
{
	struct client a;

	client_open(&a);
	page.rsp_prod = page.rsp_cons + XENSTORE_RING_SIZE + 1;
	xs_mux_pump(&mux);
	assert_true(mux.dead);
	xs_client_close(&a.c);
	setup(state);
	client_open(&a);
	page.req_cons = page.req_prod + 1;
	assert_int_equal(submit(&a, XS_READ, 1, "x", 2), 0);
	assert_true(mux.dead);
	assert_string_equal(a.got[0]->body, "EIO");
	client_clear(&a);
	xs_client_close(&a.c);
}

/* The peer rewrites our own index in the shared page: we go by our copy. */
static void test_index_overwritten(void **state)
{
	struct client a;
	struct request r;

	client_open(&a);
	page.req_prod = 500;
	assert_int_equal(submit(&a, XS_READ, 1, "x", 2), 0);
	assert_int_equal(page.req_prod, sizeof(r.hdr) + 2);
	r = peer_request();
	assert_string_equal(r.body, "x");
	xs_client_close(&a.c);
}

/* Random bytes from the peer, and memory that runs out: no crash, no leak. */
static void test_noise(void **state)
{
	srand(1);
	for (int round = 0; round < 300; round++) {
		struct client a;

		setup(state);
		client_open(&a);
		submit(&a, XS_WATCH, 1, "dir\0tok", 8);
		submit(&a, XS_TRANSACTION_START, 2, "", 1);
		for (int i = 0; i < 40 && !mux.dead; i++) {
			struct xsd_sockmsg h = {(uint32_t)rand() % 24,
						(uint32_t)rand() % 4, 0,
						(uint32_t)rand() % 64};
			char body[64];

			for (size_t j = 0; j < sizeof(body); j++)
				body[j] = "w1\0dir/0123456789"[rand() % 17];
			shim_fail_after = rand() % 3 ? -1 : rand() % 4;
			peer_write(&h, sizeof(h));
			peer_write(body, h.len);
			page.req_cons = page.req_prod;
			xs_mux_pump(&mux);
			shim_fail_after = -1;
			client_clear(&a);
		}
		xs_client_close(&a.c);
		page.rsp_prod = page.rsp_cons + 5000;
		xs_mux_pump(&mux);
		assert_true(mux.dead);
		assert_int_equal(shim_allocations, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ended_transaction, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unasked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_protocol_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_index_out_of_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_index_overwritten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
