/* SPDX-License-Identifier: MIT */
/* The program that called the launcher: how long it had run, and when it returned. */
#ifndef STUBDOM_DOMAIN_TOOLSTACK_H
#define STUBDOM_DOMAIN_TOOLSTACK_H

#include <stdint.h>
#include <sys/types.h>

struct toolstack {
	pid_t pid;	  /* 0: not known */
	int pidfd;	  /* readable when it has ended; -1: not watched */
	int64_t since_ms; /* by clock_ms(): it waits for this program since then */
};

/*
 * Finds the caller and writes a line of the log about it.  libxl forks twice: the caller
 * is the eldest forefather that runs the parent's program.
 */
void toolstack_find(struct toolstack *toolstack);

/* Takes the pidfd.  Until toolstack_find's process has ended, it is that very process. */
void toolstack_watch(struct toolstack *toolstack);

/* The pidfd is readable: writes the line and closes it. */
void toolstack_hear(struct toolstack *toolstack);

#endif
