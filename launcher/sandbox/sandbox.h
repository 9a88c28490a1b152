/* SPDX-License-Identifier: MIT */
/* Gives up every privilege that moving bytes does not need. */
#ifndef STUBDOM_SANDBOX_H
#define STUBDOM_SANDBOX_H

#include <sys/resource.h>
#include <sys/types.h>

#include "err.h"

/*
 * All of it, for good: relay_sandbox_drop, relay_sandbox_check, relay_filter_load.  A
 * call that the filter does not allow ends the process.
 */
int relay_sandbox_enter(uid_t uid, rlim_t file_bytes, struct err *err);

/*
 * Namespaces of its own (those that the kernel has), and a root that is an empty
 * read-only file system.  User and group `uid` without groups and capabilities, and no
 * new privileges.  Landlock without a rule, bounded resources, the CPU's leftover time.
 * No file becomes longer than file_bytes by its hand, whoever opened it.
 */
int relay_sandbox_drop(uid_t uid, rlim_t file_bytes, struct err *err);

/* Tries the forbidden things; -1: one of them worked. */
int relay_sandbox_check(uid_t uid, struct err *err);

/* The list of system calls (filter.c). */
int relay_filter_load(struct err *err);

/* Landlock, as far as this kernel's goes: no file, no port, no signal to others. */
int relay_landlock_enter(struct err *err);

/* That of the kernel's Landlock; not over 0: it has none.  The filter forbids the call. */
int relay_landlock_version(void);

#endif
