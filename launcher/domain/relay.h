/* SPDX-License-Identifier: MIT */
/* The relay: the process that moves bytes between channels and their endpoints. */
#ifndef STUBDOM_RELAY_H
#define STUBDOM_RELAY_H

#include <jansson.h>
#include <sys/types.h>

#include "domain/relay_log.h"
#include "err.h"
#include "plan/plan.h"
#include "relay/msg.h"

struct relay {
	pid_t pid;   /* 0: none */
	uid_t uid;   /* that it is to run as */
	int pidfd;   /* -1: none */
	int control; /* SOCK_SEQPACKET, see relay/msg.h */
	/* Version of the Landlock that it has tried and found shut; 0: dom0 has none. */
	int landlock;
	/* Of RELAY_READY; a word from before it has read anything of the stub domain's. */
	char ptys[sizeof(((struct relay_msg *)0)->text)];
	struct relay_log log;
};

/*
 * Starts it, as a program of its own, process 1 of its process ids: so its memory is not
 * laid out like ours.  It does nothing before RELAY_GO, and ends when `control` is
 * closed.  `schema` is the manifest's.
 */
int relay_start(struct relay *relay, const struct plan *plan, const json_t *schema,
		struct err *err);

/*
 * Lets it open the endpoints and drop its privileges.  Waits for that, as long as the
 * plan gives the start or until a signal comes, and looks whether they are gone.
 */
int relay_go(struct relay *relay, const struct plan *plan, int signals, struct err *err);

/* It is gone, or broke the rules: sets err to how, and returns -1. */
int relay_report_end(const struct relay *relay, struct err *err);

/* Ends it and waits for its end. */
void relay_stop(struct relay *relay);

#endif
