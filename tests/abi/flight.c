/* SPDX-License-Identifier: MIT */
/* Descriptors in flight: nested, in circles, many; and epolls nested as deep as they go. */
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { MANY = 60 }; /* descriptors in one message; Linux has a limit of its own for all */

static int pass_some(int to, int fd, unsigned n)
{
	static char room[CMSG_SPACE(MANY * sizeof(int))];
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int pass(int to, int fd)
{
	return pass_some(to, fd, 1);
}

static int take(int from)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(from, &m, MSG_DONTWAIT) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* Each socket is in flight inside the next one, `tell` in the first; the last is returned.
 * Linux before 6.10 allows four levels; *n is how many there are. */
static int chain(int *n, int tell)
{
	int held = tell, s[2];

	for (int i = 0; i < *n; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
			return -1;
		if (pass(s[0], held) < 0) {
			close(s[0]);
			close(s[1]);
			*n = i;
			break;
		}
		if (held != tell)
			close(held);
		close(s[0]);
		held = s[1];
	}
	return held;
}

static bool hung_up(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 100) == 1 && p.revents & POLLHUP;
}

/* Any act on sockets makes the kernel look; Linux does it later. */
static bool collected(int fd)
{
	for (int i = 0; i < 50; i++) {
		close(socket(AF_UNIX, SOCK_STREAM, 0));
		if (hung_up(fd))
			return true;
	}
	return false;
}

/* The last of a chain is closed: all of it goes, without a kernel stack's worth each. */
static void nested(void)
{
	int p[2], last, n = 2000;

	pipe(p);
	last = chain(&n, p[1]);
	yes(last >= 0);
	close(p[1]);
	close(last);
	yes(collected(p[0]));
	close(p[0]);
}

/* A message that was passed on many times is still the same at the end. */
static void unwrapped(void)
{
	int p[2], fd, n = 300;
	char byte = 0;

	pipe(p);
	fd = chain(&n, p[1]);
	close(p[1]);
	while (n--) {
		int next = take(fd);

		close(fd);
		fd = next;
	}
	try(write(fd, "!", 1));
	try(read(p[0], &byte, 1));
	yes(byte == '!');
	close(fd);
	try(read(p[0], &byte, 1));
	close(p[0]);
}

/* A pair of sockets of which each is in flight to itself and to the other, with ballast;
 * nobody has them any more. */
static int circle(int tell)
{
	static char ballast[30000];
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		if (pass(s[i], s[0]) < 0 || pass(s[i], s[1]) < 0 ||
		    (tell >= 0 && pass(s[i], tell) < 0) ||
		    send(s[i], ballast, sizeof(ballast), MSG_DONTWAIT) < 0)
			return -1;
	}
	close(s[0]);
	close(s[1]);
	return 0;
}

static void circles(void)
{
	int p[2], made = 0;

	pipe(p);
	for (; made < 5000 && !circle(-1); made++)
		;
	say("%d circles", made);
	yes(circle(p[1]) == 0);
	close(p[1]);
	yes(collected(p[0]));
	close(p[0]);
}

/* The same, left by a process that ends. */
static void orphans(void)
{
	int p[2], status;

	pipe(p);
	if (!fork()) {
		for (int i = 0; i < 20; i++)
			circle(p[1]);
		_exit(0);
	}
	wait(&status);
	close(p[1]);
	yes(collected(p[0]));
	close(p[0]);
}

/*
 * A socket in flight that somebody outside can still reach stays, and so do those that it
 * holds.
 */
static void reachable(void)
{
	int a[2], b[2], c[2], p[2], fd, inner;
	char byte;

	pipe(p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, a);
	socketpair(AF_UNIX, SOCK_STREAM, 0, b);
	socketpair(AF_UNIX, SOCK_STREAM, 0, c);
	/* c's end is in b's queue, b's end in a's queue, and c holds a's end: a circle
	 * with a handle, a[1]. */
	try(pass(c[0], p[1]));
	try(pass(c[0], a[0]));
	try(pass(b[0], c[1]));
	try(pass(a[0], b[1]));
	close(c[1]);
	close(b[1]);
	close(p[1]);
	for (int i = 0; i < 5; i++)
		circle(-1);
	fd = take(a[1]);
	yes(fd >= 0);
	inner = take(fd);
	yes(inner >= 0);
	close(fd);
	fd = take(inner);
	try(write(fd, "?", 1));
	try(read(p[0], &byte, 1));
	close(fd);
	close(inner);
	try(read(p[0], &byte, 1));
	close(p[0]);
	for (int i = 0; i < 2; i++)
		close(a[i]);
	close(b[0]);
	close(c[0]);
}

/* A connection that nobody has accepted, in a listening socket that is in flight. */
static void unaccepted(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const socklen_t len = offsetof(struct sockaddr_un, sun_path) + 8;
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client, p[2];

	memcpy(at.sun_path + 1, "flight", 6);
	pipe(p);
	try(bind(server, (struct sockaddr *)&at, len));
	try(listen(server, 4));
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	try(connect(client, (struct sockaddr *)&at, len));
	try(pass(client, server));
	try(pass(client, p[1]));
	close(server);
	close(p[1]);
	circle(-1);
	/* The client's end is ours; the listener is held by its own connection only. */
	close(client);
	yes(collected(p[0]));
	close(p[0]);
}

/* The last that holds a socket is a message to its own peer, which goes. */
static void held_by_peer(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	for (int i = 0; i < 3; i++) {
		int s[2];

		try(socketpair(AF_UNIX, types[i], 0, s));
		try(pass(s[1], s[1]));
		try(close(s[1]));
		try(close(s[0]));
	}
}

/* A socket that only its own message holds, and in its queue `held`; `s` is its peer. Closed in
 * this order nobody has looked for such sockets since. */
static int unreachable(int held)
{
	int s[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	try(pass(s[0], s[1]));
	try(pass(s[0], held));
	close(s[1]);
	close(held);
	return s[0];
}

/* A connection to a listening socket that nobody can reach by a descriptor: whether there is one
 * depends on when the kernel looks. */
static void connect_unreachable(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const socklen_t len = offsetof(struct sockaddr_un, sun_path) + 8;
	int server = socket(AF_UNIX, SOCK_STREAM, 0),
	    client = socket(AF_UNIX, SOCK_STREAM, 0), other;

	memcpy(at.sun_path + 1, "hidden", 6);
	try(bind(server, (struct sockaddr *)&at, len));
	try(listen(server, 4));
	other = unreachable(server);
	connect(client, (struct sockaddr *)&at, len);
	close(other);
	close(client);
	say("still here");
}

/* The peer goes when room is made for the message's descriptors: nub has 4096 in flight. */
static void send_to_unreachable(void)
{
	int s[2], p[2], full[2], other;

	pipe(p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, full);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	other = unreachable(s[1]);
	pass_some(other, p[0], MANY);
	for (int i = 0; i < 67; i++)
		pass_some(full[0], p[0], MANY);
	pass_some(s[0], p[0], MANY);
	close(s[0]);
	close(other);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(full[i]);
	}
	say("still here");
}

/* From the top down and from the bottom up: no chain is longer than it may be. */
static void epolls(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	int up[40], ev = eventfd(0, 0), refused = 0;

	for (int i = 0; i < 40; i++)
		up[i] = epoll_create1(0);
	for (int i = 0; i + 1 < 40; i++)
		refused += epoll_ctl(up[i + 1], EPOLL_CTL_ADD, up[i], &e) < 0;
	yes(refused > 0);
	for (int i = 0; i < 40; i++)
		close(up[i]);
	for (int i = 0; i < 40; i++)
		up[i] = epoll_create1(0);
	/* Linux before 6.17 lets this pass, and needs its stack for it. */
	for (int i = 0; i + 1 < 40; i++)
		epoll_ctl(up[i], EPOLL_CTL_ADD, up[i + 1], &e);
	try(epoll_ctl(up[39], EPOLL_CTL_ADD, ev, &e));
	try(eventfd_write(ev, 1));
	try(epoll_wait(up[39], &e, 1, 0));
	for (int i = 0; i < 40; i++)
		close(up[i]);
	close(ev);
}

/* More levels than a kernel stack has frames. */
static void deep_epolls(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	int top = epoll_create1(0), at = top, n = 0, ev = eventfd(0, 0);

	for (; n < 900; n++) {
		int next = epoll_create1(0);

		if (next < 0)
			break;
		epoll_ctl(at, EPOLL_CTL_ADD, next, &e);
		at = next;
	}
	epoll_ctl(at, EPOLL_CTL_ADD, ev, &e);
	try(eventfd_write(ev, 1));
	epoll_wait(top, &e, 1, 0);
	say("still here");
	for (int fd = 3; fd < 3 + n + 10; fd++)
		close(fd);
}

ABI_CASES({"nested", nested}, {"unwrapped", unwrapped}, {"circles", circles},
	  {"orphans", orphans}, {"reachable", reachable}, {"unaccepted", unaccepted},
	  {"held by its peer", held_by_peer},
	  {"connect to the unreachable", connect_unreachable},
	  {"send to the unreachable", send_to_unreachable}, {"epolls", epolls},
	  {"deep epolls", deep_epolls})
