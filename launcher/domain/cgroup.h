/* SPDX-License-Identifier: MIT */
/* Control groups: a launcher's own place in dom0; bounds of a relay's CPU and memory.  The
 * kernel keeps them, even for a relay that was taken over. */
#ifndef STUBDOM_DOMAIN_CGROUP_H
#define STUBDOM_DOMAIN_CGROUP_H

#include <sys/types.h>

#include "plan/plan.h"

/*
 * Puts the relay into a control group with bounds.  Where systemd runs, that is a scope
 * in qemu-stubdom.slice; else, where version 2 is mounted, a group of the same name.
 * Elsewhere its own limits (sandbox/sandbox.c) are all.
 *
 * Where systemd runs, this process and its guardian get a scope there, too, without bounds.
 * Else they would end with the login, or with the unit, in which the guest was started.
 *
 * A failure is logged, and no more.
 */
void domain_cgroup_enter(const struct plan *plan, pid_t relay, pid_t guardian);

/* Removes the group of a relay that has ended; systemd does so by itself. */
void domain_cgroup_remove(const struct plan *plan);

#endif
