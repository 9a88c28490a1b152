/* SPDX-License-Identifier: MIT */
/* The agent's xenstore client against a store that answers late, in pieces, or badly. */
#include "unit.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "xs.h"

struct request {
	struct xsd_sockmsg hdr;
	char body[XENSTORE_PAYLOAD_MAX];
};

static pid_t server;

/* The test is the store's client; `serve` runs in a process of its own. */
static void start(void (*serve)(int fd))
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	server = fork();
	if (server == 0) {
		close(fds[0]);
		alarm(30);
		serve(fds[1]);
		_exit(0);
	}
	close(fds[1]);
	xs_client_attach(fds[0]);
}

static void finish(void)
{
	int status;

	close(xs_client_fd());
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void must(bool ok)
{
	if (!ok)
		_exit(1);
}

static void get(int fd, void *buf, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t n;

		must(poll(&pfd, 1, 20000) == 1);
		n = read(fd, (char *)buf + at, size - at);
		must(n > 0);
		at += (size_t)n;
	}
}

static void receive(int fd, struct request *request)
{
	get(fd, &request->hdr, sizeof(request->hdr));
	must(request->hdr.len <= sizeof(request->body));
	get(fd, request->body, request->hdr.len);
}

/* In single bytes, so that every place where a message can be cut is tried. */
static void put(int fd, uint32_t type, uint32_t req_id, const void *body, uint32_t len)
{
	struct xsd_sockmsg hdr = {.type = type, .req_id = req_id, .len = len};
	char all[sizeof(hdr) + XENSTORE_PAYLOAD_MAX];

	memcpy(all, &hdr, sizeof(hdr));
	memcpy(all + sizeof(hdr), body, len);
	for (size_t i = 0; i < sizeof(hdr) + len; i++)
		must(write(fd, all + i, 1) == 1);
}

static void expect(int fd, uint32_t type, const char *body, uint32_t len,
		   struct request *request)
{
	receive(fd, request);
	must(request->hdr.type == type && request->hdr.len == len &&
	     !memcmp(request->body, body, len));
}

static void serve_values(int fd)
{
	struct request r, second;

	expect(fd, XS_WRITE, "data/a\0b c", 10, &r);
	put(fd, XS_WRITE, r.hdr.req_id, "OK", 3);
	expect(fd, XS_READ, "data/a", 7, &r);
	put(fd, XS_READ, r.hdr.req_id, "b c", 3);
	expect(fd, XS_READ, "data/a", 7, &r);
	put(fd, XS_READ, r.hdr.req_id, "", 0);
	expect(fd, XS_READ, "none", 5, &r);
	put(fd, XS_ERROR, r.hdr.req_id, "ENOENT", 7);
	/* Both are there before the first is answered, by a refusal. */
	expect(fd, XS_WRITE, "data/a\0d", 8, &r);
	expect(fd, XS_READ, "data/b", 7, &second);
	put(fd, XS_ERROR, r.hdr.req_id, "EACCES", 7);
	put(fd, XS_READ, second.hdr.req_id, "e", 1);
}

static void test_values(void **state)
{
	struct err err = {0};
	char value[16];

	start(serve_values);
	assert_int_equal(xs_client_write("data/a", "b c", &err), 0);
	assert_int_equal(xs_client_read("data/a", value, sizeof(value), &err), 0);
	assert_string_equal(value, "b c");
	assert_int_equal(xs_client_read("data/a", value, sizeof(value), &err), 0);
	assert_string_equal(value, "");
	assert_int_equal(xs_client_read("none", value, sizeof(value), &err), -1);
	assert_string_equal(err.msg, "xenstore: none: ENOENT");
	assert_int_equal(xs_client_post("data/a", "d", &err), 0);
	assert_int_equal(xs_client_read("data/b", value, sizeof(value), &err), 0);
	assert_string_equal(value, "e");
	finish();
}

static void serve_events(int fd)
{
	struct request r;

	expect(fd, XS_WATCH, "p\0t", 4, &r);
	put(fd, XS_WATCH_EVENT, 0, "p\0t", 4); /* before the answer */
	put(fd, XS_WATCH, r.hdr.req_id, "OK", 3);
	receive(fd, &r);
	put(fd, XS_WATCH_EVENT, 0, "q\0other", 8);
	put(fd, XS_WATCH_EVENT, 0, "p\0t", 4); /* known already */
	put(fd, XS_READ, r.hdr.req_id - 1, "late", 4);
	put(fd, XS_READ, r.hdr.req_id, "now", 3);
	receive(fd, &r);
	put(fd, XS_WATCH_EVENT, 0, "no token", 9);
	put(fd, XS_READ, r.hdr.req_id, "", 0);
}

static void test_events_between_answers(void **state)
{
	struct err err = {0};
	char text[16];

	start(serve_events);
	assert_int_equal(xs_client_watch("p", "t", &err), 0);
	assert_int_equal(xs_client_read("x", text, sizeof(text), &err), 0);
	assert_string_equal(text, "now");
	assert_int_equal(xs_client_read("x", text, sizeof(text), &err), 0);
	assert_int_equal(xs_client_event(text, sizeof(text)), 1);
	assert_string_equal(text, "t");
	assert_int_equal(xs_client_event(text, sizeof(text)), 1);
	assert_string_equal(text, "other");
	assert_true(xs_client_event(text, sizeof(text)) <= 0);
	finish();
}

static void serve_too_long(int fd)
{
	struct request r;
	struct xsd_sockmsg hdr = {.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1};

	receive(fd, &r);
	hdr.req_id = r.hdr.req_id;
	must(write(fd, &hdr, sizeof(hdr)) == sizeof(hdr));
}

static void serve_nothing(int fd)
{
	struct request r;

	receive(fd, &r);
}

static void test_broken_store(void **state)
{
	void (*const serve[])(int) = {serve_too_long, serve_nothing};
	struct err err = {0};
	char text[16];

	for (size_t i = 0; i < 2; i++) {
		start(serve[i]);
		assert_int_equal(xs_client_read("x", text, sizeof(text), &err), -1);
		assert_int_equal(strncmp(err.msg, "xenstore", 8), 0);
		assert_int_equal(err.code, ERR_STUB);
		finish();
	}
}

static void test_too_long_a_request_is_not_sent(void **state)
{
	struct err err = {0};
	char *value = malloc(XENSTORE_PAYLOAD_MAX + 1);

	memset(value, 'v', XENSTORE_PAYLOAD_MAX);
	value[XENSTORE_PAYLOAD_MAX] = '\0';
	xs_client_attach(-1);
	assert_int_equal(xs_client_write("p", value, &err), -1);
	assert_string_equal(err.msg, "xenstore: p: too long");
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_events_between_answers),
		cmocka_unit_test(test_broken_store),
		cmocka_unit_test(test_too_long_a_request_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
