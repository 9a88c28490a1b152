/* SPDX-License-Identifier: MIT */
/* Bounds of a relay's CPU and memory, kept by the kernel, even for one that was taken
 * over. */
#ifndef STUBDOM_DOMAIN_CGROUP_H
#define STUBDOM_DOMAIN_CGROUP_H

#include <sys/types.h>

#include "plan/plan.h"

/*
 * Puts the relay into a control group with bounds.  Where systemd runs, that is a scope
 * in qemu-stubdom.slice; else, where version 2 is mounted, a group of the same name.
 * Elsewhere its own limits (sandbox/sandbox.c) are all.  A failure is logged, and no more.
 */
void domain_cgroup_enter(const struct plan *plan, pid_t relay);

/* Removes the group of a relay that has ended; systemd does so by itself. */
void domain_cgroup_remove(const struct plan *plan);

#endif
