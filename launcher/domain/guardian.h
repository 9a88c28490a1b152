/* SPDX-License-Identifier: MIT */
/* The guardian: removes what a launcher leaves that was killed. */
#ifndef STUBDOM_GUARDIAN_H
#define STUBDOM_GUARDIAN_H

#include <libxl.h>
#include <sys/types.h>

#include "err.h"
#include "plan/plan.h"

/*
 * A process in a session of its own, started before there is anything to
 * remove.  As long as the launcher lives it does nothing.  When the launcher
 * ends without guardian_stop, it ends the relay, waits for the hot-plug scripts
 * that the launcher had running, destroys the stub domain (known by its UUID,
 * which the launcher chose before the domain existed, so that no other domain
 * can be meant) and removes the endpoints.
 */
struct guardian {
	pid_t pid;    /* 0: none */
	int pidfd;    /* -1: none */
	int control;  /* one byte on it: all is tidy */
	int lifeline; /* held open by the launcher and its scripts; -1: none */
};

/* libxl: the caller's, if it has one open; -1 for relay_pidfd: none. */
int guardian_start(struct guardian *guardian, const struct plan *plan,
		   const libxl_uuid *uuid, libxl_ctx *libxl, int relay_pidfd,
		   struct err *err);

/* Everything is removed: it can go. */
void guardian_stop(struct guardian *guardian);

/* It was killed: forget it, so that it can be started again. */
void guardian_forget(struct guardian *guardian);

#endif
