/* SPDX-License-Identifier: MIT */
/* The relay's channels, and their common part. */
#ifndef STUBDOM_RELAY_STATE_H
#define STUBDOM_RELAY_STATE_H

#include <poll.h>
#include <sys/types.h>

#include "err.h"
#include "plan/plan.h"
#include "relay/budget.h"
#include "relay/channel.h"
#include "relay/console.h"
#include "relay/qmp/schema.h"

struct relay_state {
	const struct plan *plan;
	uid_t uid; /* to run as */
	int control;
	struct relay_channel *channels;
	struct pollfd *fds;
	unsigned *used; /* by channel: how many of fds */
	bool *ready;	/* by channel: one of them is */
	struct qmp_schema schema;
	struct qmp_chardev *chardevs;
	struct qmp_disk *disks;
	struct qmp_names names;
	struct qmp_shared shared;
	struct vnc_password password; /* of the screen */
	struct relay_channel *save;   /* NULL: the plan has none */
	char vnc_service[16];
	struct relay_console console;
	struct budget budget; /* by channel; the console is the last party */
	bool silent;	      /* the launcher was told that QEMU does not answer */
	size_t first;	      /* of the channels, in this round */
	bool told_migrates;   /* what the launcher knows */
	bool holds;	      /* the launcher waits for RELAY_HELD */
	uint32_t not_held;    /* the channel that goes on meanwhile */
};

/* Opens the endpoints of all channels, with the privileges of the caller; plan is set. */
int relay_state_open(struct relay_state *state, struct err *err);

#endif
