/* SPDX-License-Identifier: MIT */
/* Several viewers of one screen at once. */
#ifndef STUBDOM_VIEWERS_H
#define STUBDOM_VIEWERS_H

#include "plan/plan.h"

/* Viewers of the screen at once; more wait until one has gone. */
enum { VIEWERS_MAX = 4 };

/*
 * A channel carries one connection, QEMU's VNC server many.  Adds channels to the same
 * server, which take their clients from the screen's own listening socket.  Fewer are
 * added when the plan is near its limit.
 */
void viewers_add_channels(struct plan *plan);

#endif
