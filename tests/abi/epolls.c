/* SPDX-License-Identifier: MIT */
/* epoll: level, edge, one-shot, nesting, errors. */
#include "abi.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static int ep, p[2];
static struct epoll_event ev[8];

static int add(int fd, unsigned events)
{
	struct epoll_event e = {.events = events, .data.u64 = 77};

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static void show(int n)
{
	for (int i = 0; i < n; i++)
		say("event %x data %lu", ev[i].events, (unsigned long)ev[i].data.u64);
}

static void start(void)
{
	ep = epoll_create1(0);
	pipe2(p, O_NONBLOCK);
}

static int wait0(void)
{
	return epoll_wait(ep, ev, 8, 0);
}

static void level(void)
{
	char c;

	start();
	try(add(p[0], EPOLLIN));
	try(wait0());
	write(p[1], "ab", 2);
	show(try(wait0()));
	show(try(wait0()));
	read(p[0], &c, 1);
	try(wait0());
	read(p[0], &c, 1);
	try(wait0());
	close(p[1]);
	show(try(wait0()));
}

static void edge(void)
{
	char c;

	start();
	add(p[0], EPOLLIN | EPOLLET);
	write(p[1], "ab", 2);
	show(try(wait0()));
	try(wait0());
	read(p[0], &c, 1);
	try(wait0());
	write(p[1], "c", 1);
	show(try(wait0()));
	try(wait0());
	try(epoll_ctl(ep, EPOLL_CTL_MOD, p[0],
		      &(struct epoll_event){EPOLLIN | EPOLLET, {.u64 = 5}}));
	show(try(wait0()));
	add(p[1], EPOLLOUT | EPOLLET);
	show(try(wait0()));
	try(wait0());
}

static void oneshot(void)
{
	start();
	add(p[0], EPOLLIN | EPOLLONESHOT);
	write(p[1], "a", 1);
	show(try(wait0()));
	try(wait0());
	write(p[1], "b", 1);
	try(wait0());
	try(epoll_ctl(ep, EPOLL_CTL_MOD, p[0],
		      &(struct epoll_event){EPOLLIN | EPOLLONESHOT, {.u64 = 6}}));
	show(try(wait0()));
	try(wait0());
}

static void errors(void)
{
	int f;

	start();
	f = open("/tmp/abi-epoll", O_RDWR | O_CREAT, 0600);
	try(add(f, EPOLLIN));
	try(add(999, EPOLLIN));
	try(add(ep, EPOLLIN));
	try(add(p[0], EPOLLIN));
	try(add(p[0], EPOLLIN));
	try(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL));
	try(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &ev[0]));
	try(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &ev[0]));
	try(epoll_ctl(ep, 17, p[0], &ev[0]));
	try(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], NULL));
	try(epoll_wait(ep, ev, 0, 0));
	try(epoll_wait(p[0], ev, 1, 0));
	try(epoll_wait(999, ev, 1, 0));
	try(epoll_create(0));
	try(epoll_create1(1));
	try(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
	write(p[1], "x", 1);
	try(wait0());
	add(p[0], EPOLLIN);
	try(epoll_wait(ep, (struct epoll_event *)8, 1, 0));
	show(try(wait0()));
	unlink("/tmp/abi-epoll");
}

static void closing(void)
{
	int d;

	start();
	add(p[0], EPOLLIN);
	write(p[1], "x", 1);
	d = dup(p[0]);
	close(p[0]);
	show(try(wait0()));
	close(d);
	try(wait0());
}

static void nested(void)
{
	int outer = epoll_create1(0), inner;
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 1};

	start();
	inner = ep;
	add(p[0], EPOLLIN);
	try(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e));
	try(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &e));
	try(epoll_wait(outer, ev, 8, 0));
	write(p[1], "x", 1);
	show(try(epoll_wait(outer, ev, 8, 0)));
}

static void many(void)
{
	int e[20], n, total = 0;
	uint64_t v;

	start();
	for (int i = 0; i < 20; i++) {
		e[i] = eventfd(1, EFD_NONBLOCK);
		add(e[i], EPOLLIN);
	}
	for (int i = 0; i < 10; i++) {
		n = wait0();
		total += n;
	}
	say("%d events in ten rounds of eight", total);
	for (int i = 0; i < 20; i++)
		read(e[i], &v, 8);
	try(wait0());
}

static void *later(void *arg)
{
	usleep(20000);
	write(*(int *)arg, "x", 1);
	return NULL;
}

static void waking(void)
{
	pthread_t t;

	start();
	add(p[0], EPOLLIN | EPOLLET);
	pthread_create(&t, NULL, later, &p[1]);
	show(try(epoll_wait(ep, ev, 8, 5000)));
	pthread_join(t, NULL);
	try(epoll_wait(ep, ev, 8, 10));
}

static void sockets(void)
{
	int s[2];

	start();
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	add(s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	show(try(wait0()));
	write(s[1], "x", 1);
	show(try(wait0()));
	shutdown(s[1], SHUT_WR);
	show(try(wait0()));
	close(s[1]);
	show(try(wait0()));
}

static void exclusive(void)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE};
	int other;

	start();
	other = epoll_create1(0);
	try(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
	try(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
	try(epoll_ctl(ep, EPOLL_CTL_ADD, other, &e));
	e.events = EPOLLIN;
	try(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
	write(p[1], "x", 1);
	show(try(wait0()));
	try(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], &e));
	e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
	try(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
	e.events = EPOLLIN | EPOLLEXCLUSIVE;
	try(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
	close(other);
}

ABI_CASES({"level", level}, {"edge", edge}, {"oneshot", oneshot}, {"errors", errors},
	  {"closing", closing}, {"nested", nested}, {"many", many}, {"waking", waking},
	  {"sockets", sockets}, {"exclusive", exclusive})
