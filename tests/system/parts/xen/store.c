/* SPDX-License-Identifier: MIT */
/* Xenstore by libxenstore: values, transactions, watches, two clients. */
#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>
#include <xenstore.h>

static bool value_is(struct xs_handle *h, xs_transaction_t t, const char *path,
		     const char *want)
{
	char *v = xs_read(h, t, path, NULL);
	bool same = v && !strcmp(v, want);

	free(v);
	return same;
}

int own_domid(void)
{
	struct xs_handle *h = xs_open(0);
	char *v = h ? xs_read(h, XBT_NULL, "domid", NULL) : NULL;
	int id = v ? atoi(v) : -1;

	free(v);
	if (h)
		xs_close(h);
	return id;
}

static void test_transactions(struct xs_handle *a, struct xs_handle *b)
{
	xs_transaction_t t = xs_transaction_start(a);

	CHECK(t != XBT_NULL);
	CHECK(xs_write(a, t, "data/t/x", "1", 1));
	CHECK(value_is(a, t, "data/t/x", "1"));
	CHECK(!value_is(b, XBT_NULL, "data/t/x", "1"));
	/* another client's transaction is none */
	CHECK(!xs_write(b, t, "data/t/x", "2", 1));
	CHECK(xs_transaction_end(a, t, false));
	CHECK(value_is(b, XBT_NULL, "data/t/x", "1"));
	t = xs_transaction_start(a);
	CHECK(xs_write(a, t, "data/t/x", "3", 1));
	CHECK(xs_transaction_end(a, t, true));
	CHECK(value_is(b, XBT_NULL, "data/t/x", "1"));
	/* a conflict */
	t = xs_transaction_start(a);
	free(xs_read(a, t, "data/t/x", NULL));
	CHECK(xs_write(b, XBT_NULL, "data/t/x", "4", 1));
	CHECK(xs_write(a, t, "data/t/y", "5", 1));
	CHECK(!xs_transaction_end(a, t, false) && errno == EAGAIN);
}

/* Debian's static libxenstore has no reader thread, so watches are tried by hand, on the
 * wire protocol that the device speaks. */
static bool ask(int fd, uint32_t type, const char *body, size_t n)
{
	struct xsd_sockmsg h = {type, 77, 0, (uint32_t)n};
	struct iovec v[2] = {{&h, sizeof(h)}, {(void *)body, n}};

	return writev(fd, v, 2) == (ssize_t)(sizeof(h) + n);
}

/* The next message: its type and body; false: none within 5 s. */
static bool hear(int fd, uint32_t type, const char *body, size_t n)
{
	struct xsd_sockmsg h;
	char got[256];

	if (!readable(fd, 5000) || read(fd, &h, sizeof(h)) != sizeof(h) ||
	    h.len > sizeof(got) || read(fd, got, h.len) != (ssize_t)h.len)
		return false;
	if (h.type == type && h.len == n && !memcmp(got, body, n))
		return true;
	printf("heard %u %.*s\n", h.type, (int)h.len, got);
	return false;
}

/* A watch's answer and its first event come in either order. */
static bool hear_both(int fd)
{
	struct xsd_sockmsg h;
	char got[64];
	unsigned seen = 0;

	for (int i = 0; i < 2; i++) {
		if (!readable(fd, 5000) || read(fd, &h, sizeof(h)) != sizeof(h) ||
		    h.len > sizeof(got) || read(fd, got, h.len) != (ssize_t)h.len)
			return false;
		if (h.type == XS_WATCH && h.req_id == 77 && !strcmp(got, "OK"))
			seen |= 1;
		if (h.type == XS_WATCH_EVENT && h.len == 11 &&
		    !memcmp(got, "data/w\0tok", 11))
			seen |= 2;
	}
	return seen == 3;
}

static void test_watches(struct xs_handle *h)
{
	int a = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC);
	int b = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC);

	CHECK(a >= 0 && b >= 0);
	CHECK(ask(a, XS_WATCH, "data/w\0tok", 11) && hear_both(a));
	CHECK(ask(b, XS_WATCH, "data/w\0tok", 11) && hear_both(b));
	CHECK(ask(a, XS_WATCH, "data/w\0tok", 11) && hear(a, XS_ERROR, "EEXIST", 7));
	CHECK(xs_write(h, XBT_NULL, "data/w/sub", "1", 1));
	CHECK(hear(a, XS_WATCH_EVENT, "data/w/sub\0tok", 15));
	CHECK(hear(b, XS_WATCH_EVENT, "data/w/sub\0tok", 15));
	CHECK(ask(b, XS_UNWATCH, "data/w\0tok", 11) && hear(b, XS_UNWATCH, "OK", 3));
	CHECK(xs_write(h, XBT_NULL, "data/w/sub", "2", 1));
	CHECK(hear(a, XS_WATCH_EVENT, "data/w/sub\0tok", 15));
	CHECK(!readable(b, 50));
	CHECK(ask(b, XS_UNWATCH, "data/w\0tok", 11) && hear(b, XS_ERROR, "ENOENT", 7));
	close(a);
	/* the other side of the connection still works for the rest */
	CHECK(ask(b, XS_READ, "data/w/sub", 11) && hear(b, XS_READ, "2", 1));
	close(b);
}

void test_store(void)
{
	struct xs_handle *a = xs_open(0), *b = xs_open(0);
	static char big[3000];
	unsigned n = 0;
	char **dir, *v;

	CHECK(a && b);
	if (!a || !b)
		return;
	NAMED("a domain number", own_domid() > 0);
	CHECK(xs_write(a, XBT_NULL, "data/t", "hello", 5));
	CHECK(value_is(b, XBT_NULL, "data/t", "hello"));
	CHECK(!xs_read(a, XBT_NULL, "data/none", NULL) && errno == ENOENT);
	CHECK(!xs_write(a, XBT_NULL, "/local/domain/0/x", "1", 1) && errno == EACCES);
	memset(big, 'b', sizeof(big));
	CHECK(xs_write(a, XBT_NULL, "data/t/big", big, 2000));
	v = xs_read(b, XBT_NULL, "data/t/big", &n);
	NAMED("a value longer than the ring", v && n == 2000 && !memcmp(v, big, n));
	free(v);
	CHECK(xs_mkdir(a, XBT_NULL, "data/t/d"));
	dir = xs_directory(b, XBT_NULL, "data/t", &n);
	NAMED("two names in a directory", dir && n == 2);
	free(dir);
	test_transactions(a, b);
	test_watches(a);
	CHECK(xs_rm(a, XBT_NULL, "data/t"));
	CHECK(xs_rm(a, XBT_NULL, "data/w"));
	xs_close(a);
	xs_close(b);
}
