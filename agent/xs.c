/* SPDX-License-Identifier: MIT */
/* A client of xenstore without threads, over the kernel's /dev/xen/xenbus. */
#include "xs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "clock.h"

#define XENBUS "/dev/xen/xenbus"

enum { TOKEN_MAX = 64, EVENTS_MAX = 32 };

struct message {
	struct xsd_sockmsg hdr;
	char body[XENSTORE_PAYLOAD_MAX + 1];
};

static struct {
	int fd;
	uint32_t req_id;
	struct message in; /* as far as it has arrived */
	size_t in_len;
	char events[EVENTS_MAX][TOKEN_MAX];
	unsigned first, n;
	struct xs_waits waits;
} xs = {.fd = -1};

void xs_client_attach(int fd)
{
	memset(&xs, 0, sizeof(xs));
	xs.fd = fd;
}

int xs_client_open(struct err *err)
{
	int fd = open(XENBUS, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, ERR_STUB, errno, "no Xen: cannot open " XENBUS);
	xs_client_attach(fd);
	return 0;
}

int xs_client_fd(void)
{
	return xs.fd;
}

/* 1: xs.in holds a whole message; 0: not yet; -1: the connection is broken. */
static int fill(void)
{
	for (;;) {
		size_t want = sizeof(xs.in.hdr);
		ssize_t n;

		if (xs.in_len >= sizeof(xs.in.hdr)) {
			if (xs.in.hdr.len > XENSTORE_PAYLOAD_MAX) {
				errno = EPROTO;
				return -1;
			}
			want += xs.in.hdr.len;
			if (xs.in_len == want) {
				xs.in.body[xs.in.hdr.len] = '\0';
				xs.in_len = 0;
				return 1;
			}
		}
		n = read(xs.fd, (char *)&xs.in + xs.in_len, want - xs.in_len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n == 0)
			errno = EPIPE;
		if (n <= 0)
			return -1;
		xs.in_len += (size_t)n;
	}
}

/* Keeps the token of the watch event in xs.in: "path\0token\0". */
static void keep_event(void)
{
	const char *token = xs.in.body + strlen(xs.in.body) + 1;

	if (token >= xs.in.body + xs.in.hdr.len)
		return;
	/* The same watch again says nothing new: its reader looks at the node. */
	for (unsigned i = 0; i < xs.n; i++)
		if (!strncmp(xs.events[(xs.first + i) % EVENTS_MAX], token,
			     TOKEN_MAX - 1))
			return;
	if (xs.n == EVENTS_MAX)
		return;
	snprintf(xs.events[(xs.first + xs.n++) % EVENTS_MAX], TOKEN_MAX, "%s", token);
}

static int wait_reply(struct err *err)
{
	const int64_t end = clock_ms() + XS_TIMEOUT_MS;

	for (;;) {
		int got = fill();
		int64_t left = end - clock_ms();
		struct pollfd pfd = {.fd = xs.fd, .events = POLLIN};

		if (got < 0)
			return err_errno(err, ERR_STUB, errno, "xenstore");
		if (got && xs.in.hdr.type == XS_WATCH_EVENT) {
			keep_event();
			continue;
		}
		if (got && xs.in.hdr.req_id == xs.req_id)
			return 0;
		if (got)
			continue; /* of a post, or late, to a request given up on */
		if (left <= 0)
			return err_set(err, ERR_STUB, "xenstore: no answer in %d ms",
				       XS_TIMEOUT_MS);
		ppoll(&pfd, 1, &(struct timespec){left / 1000, left % 1000 * 1000000},
		      NULL);
	}
}

/* Sends two strings; the first with its NUL, the second with it if `ends`. */
static int send_request(enum xsd_sockmsg_type type, const char *a, const char *b,
			bool ends, struct err *err)
{
	struct message out;
	size_t a_len = strlen(a) + 1;
	size_t b_len = b ? strlen(b) + ends : 0;
	ssize_t n;

	if (a_len + b_len > XENSTORE_PAYLOAD_MAX)
		return err_set(err, ERR_STUB, "xenstore: %s: too long", a);
	out.hdr = (struct xsd_sockmsg){
		.type = type, .req_id = ++xs.req_id, .len = (uint32_t)(a_len + b_len)};
	memcpy(out.body, a, a_len);
	if (b)
		memcpy(out.body + a_len, b, b_len);
	n = write(xs.fd, &out, sizeof(out.hdr) + out.hdr.len);
	if (n != (ssize_t)(sizeof(out.hdr) + out.hdr.len))
		return err_errno(err, ERR_STUB, n < 0 ? errno : EIO, "xenstore: %s", a);
	return 0;
}

static int request(enum xsd_sockmsg_type type, const char *a, const char *b, bool ends,
		   struct err *err)
{
	const int64_t begin = clock_ms();

	if (send_request(type, a, b, ends, err) < 0 || wait_reply(err) < 0)
		return -1;
	xs.waits.n++;
	xs.waits.ms += clock_ms() - begin;
	if (xs.in.hdr.type == XS_ERROR)
		return err_set(err, ERR_STUB, "xenstore: %s: %s", a, xs.in.body);
	return 0;
}

struct xs_waits xs_client_waits(void)
{
	return xs.waits;
}

int xs_client_write(const char *path, const char *value, struct err *err)
{
	return request(XS_WRITE, path, value, false, err);
}

int xs_client_post(const char *path, const char *value, struct err *err)
{
	return send_request(XS_WRITE, path, value, false, err);
}

int xs_client_read(const char *path, char *value, size_t size, struct err *err)
{
	if (request(XS_READ, path, NULL, false, err) < 0)
		return -1;
	snprintf(value, size, "%s", xs.in.body);
	return 0;
}

int xs_client_watch(const char *path, const char *token, struct err *err)
{
	return request(XS_WATCH, path, token, true, err);
}

int xs_client_event(char *token, size_t size)
{
	int got;

	while (!xs.n) {
		got = fill();
		if (got <= 0)
			return got;
		if (xs.in.hdr.type == XS_WATCH_EVENT)
			keep_event();
	}
	snprintf(token, size, "%s", xs.events[xs.first]);
	xs.first = (xs.first + 1) % EVENTS_MAX;
	xs.n--;
	return 1;
}
