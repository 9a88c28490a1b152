/* SPDX-License-Identifier: MIT */
/* A channel's end in dom0: a socket, pty, file or descriptor. */
#ifndef STUBDOM_ENDPOINT_H
#define STUBDOM_ENDPOINT_H

#include <stdbool.h>

#include "err.h"
#include "plan/plan.h"

struct endpoint {
	const struct plan_endpoint *plan;
	int listen_fd; /* -1: nobody is waited for */
	int in_fd;     /* what the other side writes; -1: none */
	int out_fd;    /* for the other side to read; may be in_fd; -1: none */
	bool discards; /* null: takes everything, says nothing */
	bool is_pty;
	bool attached;	 /* pty: somebody has the other side open */
	int opened_fd;	 /* pty: readable when somebody opens it (inotify); -1: look */
	bool is_file;	 /* out_fd takes everything at once */
	bool failing;	 /* file: the last write failed */
	bool connecting; /* in_fd is a socket that endpoint_dial made */
	char name[160];	 /* as QEMU's query-chardev words it */
	unsigned port;	 /* tcp-listen: the port that was free */
};

/*
 * Opens it, with the privileges of the caller; later calls need none.
 * unix-listen replaces a socket that is in the way, as QEMU does.  Sockets are
 * for root only from their first moment on.  A link that another user has made
 * is not followed.  ERR_HOST names the endpoint.
 */
int endpoint_open(struct endpoint *end, const struct plan_endpoint *plan,
		  struct err *err);

/*
 * Looks up the hosts that are connected to again and again.  Once, at the start: a lookup
 * may take seconds, and a launcher at work has none to spare.
 */
int endpoint_lookup(struct plan *plan, struct err *err);

/*
 * Whether the descriptor that the plan names is open.  To be called before anything else
 * is opened: a number that the caller does not have may become one of our own.
 */
int endpoint_check_inherited(const struct plan *plan, struct err *err);

/*
 * Makes a socket that connects to a *-connect endpoint, without waiting for the
 * other side.  The descriptor, or -1.
 */
int endpoint_dial(const struct plan_endpoint *plan, struct err *err);

/* Takes a socket of endpoint_dial, for an endpoint that is not connected. */
void endpoint_take(struct endpoint *end, int fd);

/* Takes its clients from the listening socket of `other`, which is open. */
int endpoint_share(struct endpoint *end, const struct endpoint *other, struct err *err);

/* Whether bytes can be delivered now. */
bool endpoint_connected(const struct endpoint *end);

/* Takes a client that waits, if there is one and none is connected. */
void endpoint_accept(struct endpoint *end);

/* pty: looks whether somebody is on the other side; a socket: whether it is connected. */
void endpoint_update(struct endpoint *end);

/* The client is gone, or should be. One that cannot come again stays away. */
void endpoint_disconnect(struct endpoint *end);

/* The other side writes no more. false: then it does not read either. */
bool endpoint_end_input(struct endpoint *end);

void endpoint_close(struct endpoint *end);

/* Removes what endpoint_open put into the file system, from any process. */
void endpoint_tidy(const struct plan_endpoint *plan);

#endif
