/* SPDX-License-Identifier: MIT */
/* Unix sockets with a deadline on everything. */
#ifndef STUBDOM_SOCK_H
#define STUBDOM_SOCK_H

#include <stddef.h>

#include "err.h"

/* Milliseconds that are left of a deadline on clock_ms() (>= 0). */
int sock_left_ms(long long deadline);

/* Connects.  ERR_GUEST if there is no such socket.  Returns the descriptor or -1. */
int sock_connect(const char *path, struct err *err);

/* Up to size bytes; 0 at the end of the stream.  ERR_STUB past the deadline. */
long sock_read(int fd, void *buf, size_t size, long long deadline, struct err *err);

/* All of it, or ERR_STUB. */
int sock_write_all(int fd, const void *buf, size_t size, long long deadline,
		   struct err *err);

#endif
