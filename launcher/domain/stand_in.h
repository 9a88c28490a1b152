/* SPDX-License-Identifier: MIT */
/* Answers the toolstack's QMP where there is no QEMU: none was started, or it has died. */
#ifndef STUBDOM_DOMAIN_STAND_IN_H
#define STUBDOM_DOMAIN_STAND_IN_H

#include <poll.h>

#include "endpoint/endpoint.h"
#include "err.h"
#include "qmp_server.h"

enum { STAND_IN_ENDS_MAX = 8 };

/*
 * Each end has one client at a time, as QEMU's monitors have.  The clients are root's:
 * the sockets are for root only.
 */
struct stand_in_end {
	struct endpoint end;
	struct qmp_server server;
};

struct stand_in {
	const char *why; /* the answer to all commands but two */
	unsigned vcpus;	 /* the answer to query-cpus-fast: libxl then goes on without
			  * QEMU */
	size_t n;
	struct stand_in_end ends[STAND_IN_ENDS_MAX];
};

/* One more end: a plan's, of type unix-listen or fd.  Both outlive the stand-in. */
int stand_in_open(struct stand_in *stand_in, const struct plan_endpoint *plan,
		  struct err *err);

/* The number of descriptors to poll; fds has room for STAND_IN_ENDS_MAX. */
size_t stand_in_poll(struct stand_in *stand_in, struct pollfd *fds);

/* After poll().  The number of commands that it has refused so far. */
unsigned stand_in_serve(struct stand_in *stand_in, const struct pollfd *fds);

void stand_in_close(struct stand_in *stand_in);

#endif
