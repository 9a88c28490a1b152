/* SPDX-License-Identifier: MIT */
/* Descriptors: closes what a forked process must not hold, receives them. */
#ifndef STUBDOM_FDS_H
#define STUBDOM_FDS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Closes every descriptor above 2 but those in keep[], which it sorts; -1s are
 * skipped.
 */
void fds_close_except(int *keep, size_t n);

enum { FDS_RECEIVE_MAX = 8 };

/*
 * recvmsg without waiting: up to `size` bytes that wait on a socket, and at most `max`
 * (FDS_RECEIVE_MAX) of the descriptors beside them.  They are the caller's.  It closes
 * the descriptors over that number.  Bytes, 0 at the end, or -1 and errno.
 */
ssize_t fds_receive(int socket, void *data, size_t size, int *fds, size_t max,
		    size_t *n_fds);

#endif
