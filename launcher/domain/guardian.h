/* SPDX-License-Identifier: MIT */
/* The guardian: removes the leftovers of a launcher that was killed. */
#ifndef STUBDOM_GUARDIAN_H
#define STUBDOM_GUARDIAN_H

#include <libxl.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "manifest.h"
#include "plan/plan.h"

/*
 * A process in a session of its own, started before there is anything to remove.  While
 * the launcher lives it does nothing.  When the launcher ends without guardian_stop, it
 * ends the relay and waits for the launcher's hot-plug scripts.  Then it destroys the
 * stub domain, gives dom0 the memory back that the start had taken, and removes the
 * endpoints.  It knows the stub domain by its UUID, which the launcher chose before: no
 * other domain can be meant.
 */
struct guardian {
	/* Set before the start: dom0's memory (domain/memory.h), and the image. */
	uint64_t *freed_kb;
	const struct manifest *manifest;
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
