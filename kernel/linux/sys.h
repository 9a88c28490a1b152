/* SPDX-License-Identifier: MIT */
/* Common code of the system-call families. */
#ifndef LINUX_SYS_H
#define LINUX_SYS_H

#include <nub/types.h>
#include <nub/uio.h>

#include "syscalls_gen.h"

struct ktimespec {
	s64 sec, nsec;
};

int timespec_to_ns(const struct ktimespec *ts, u64 *ns); /* -EINVAL; saturates */
struct ktimespec timespec_from_ns(u64 ns);
/* Reads a timespec and makes a monotonic deadline of it: 0, -EFAULT, -EINVAL. A relative
 * one that is being restarted keeps its first deadline. */
int deadline_from_user(const void *uts, bool absolute, bool realtime, u64 *deadline);
/* A relative wait was interrupted: remembers its deadline in case it restarts. */
long wait_interrupted(u64 deadline);
/* Installs the mask of p-calls until the return to user mode; mask NULL: nothing. */
int sigmask_temporary(const void *mask, u64 size);
/* Copies an iovec in; *vec (may be NULL for short ones) is the caller's to free. */
int iovec_import(const void *uvec, u64 count, struct uio *u, struct uio_vec **vec);

#endif
