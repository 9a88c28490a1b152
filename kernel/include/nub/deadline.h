/* SPDX-License-Identifier: MIT */
/* The program's times (struct timespec), and the deadlines of waits. */
#ifndef NUB_DEADLINE_H
#define NUB_DEADLINE_H

#include <nub/types.h>

struct ktimespec {
	s64 sec, nsec;
};

int timespec_to_ns(const struct ktimespec *ts, u64 *ns); /* -EINVAL; saturates */
struct ktimespec timespec_from_ns(u64 ns);
/* Nanoseconds of a program's timespec: 0, -EFAULT, -EINVAL. */
int timespec_from_user(const void *uts, u64 *ns);
/* Reads a timespec and makes a monotonic deadline of it: 0, -EFAULT, -EINVAL. A relative
 * one that is being restarted keeps its first deadline. */
int deadline_from_user(const void *uts, bool absolute, bool realtime, u64 *deadline);
/* A relative wait was interrupted: remembers its deadline in case it restarts. */
long wait_interrupted(u64 deadline);

#endif
