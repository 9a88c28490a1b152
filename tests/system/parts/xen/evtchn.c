/* SPDX-License-Identifier: MIT */
/* Event channels by libxenevtchn, from this domain to itself. */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xenevtchn.h>

static bool epoll_says(int ep, int ms)
{
	struct epoll_event e;

	return epoll_wait(ep, &e, 1, ms) == 1;
}

void test_evtchn(void)
{
	xenevtchn_handle *a = xenevtchn_open(NULL, 0), *b = xenevtchn_open(NULL, 0);
	struct epoll_event e = {.events = EPOLLIN};
	int dom = own_domid(), pa, pb, ep = epoll_create1(0);
	uint32_t none;

	CHECK(a && b);
	if (!a || !b)
		return;
	pa = xenevtchn_bind_unbound_port(a, (uint32_t)dom);
	CHECK(pa > 0);
	pb = xenevtchn_bind_interdomain(b, (uint32_t)dom, (evtchn_port_t)pa);
	CHECK(pb > 0 && pb != pa);
	/* a freshly bound interdomain channel fires once */
	if (readable(xenevtchn_fd(a), 200))
		CHECK(xenevtchn_pending(a) == pa &&
		      !xenevtchn_unmask(a, (evtchn_port_t)pa));
	if (readable(xenevtchn_fd(b), 200))
		CHECK(xenevtchn_pending(b) == pb &&
		      !xenevtchn_unmask(b, (evtchn_port_t)pb));
	CHECK(!readable(xenevtchn_fd(a), 20));
	CHECK(!xenevtchn_notify(b, (evtchn_port_t)pb));
	CHECK(readable(xenevtchn_fd(a), 2000));
	CHECK(xenevtchn_pending(a) == pa);
	/* masked until written: a second event waits */
	CHECK(!xenevtchn_notify(b, (evtchn_port_t)pb));
	CHECK(!readable(xenevtchn_fd(a), 50));
	CHECK(!xenevtchn_unmask(a, (evtchn_port_t)pa));
	CHECK(readable(xenevtchn_fd(a), 2000));
	CHECK(xenevtchn_pending(a) == pa);
	CHECK(!xenevtchn_unmask(a, (evtchn_port_t)pa));
	CHECK(!readable(xenevtchn_fd(a), 20));
	/* edge of epoll: each event once */
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, xenevtchn_fd(a), &e));
	CHECK(!epoll_says(ep, 20));
	for (int i = 0; i < 3; i++) {
		CHECK(!xenevtchn_notify(b, (evtchn_port_t)pb));
		CHECK(epoll_says(ep, 2000));
		CHECK(xenevtchn_pending(a) == pa);
		CHECK(!xenevtchn_unmask(a, (evtchn_port_t)pa));
	}
	/* nothing there, no blocking */
	CHECK(!fcntl(xenevtchn_fd(a), F_SETFL, O_NONBLOCK));
	CHECK(read(xenevtchn_fd(a), &none, sizeof(none)) == -1 && errno == EAGAIN);
	CHECK(xenevtchn_notify(a, 4000) == -1);
	CHECK(!xenevtchn_unbind(b, (evtchn_port_t)pb));
	CHECK(xenevtchn_notify(b, (evtchn_port_t)pb) == -1);
	CHECK(xenevtchn_bind_interdomain(b, (uint32_t)dom, 4000) == -1);
	close(ep);
	xenevtchn_close(a);
	xenevtchn_close(b);
}
