/* SPDX-License-Identifier: MIT */
/* Opens a pty that a node of xenstore names, and nothing else. */
#ifndef STUBDOM_PTY_SLAVE_H
#define STUBDOM_PTY_SLAVE_H

#include "err.h"

/*
 * `path` must be /dev/pts/N as it stands, a pty's slave, and this user's or root's.
 * Another domain may have chosen the name: it opens no file, no other terminal, and no
 * device whose opening has effects.  `flags` as for open(2); O_NOCTTY and O_CLOEXEC are
 * added.  The descriptor is the caller's; -1 and ERR_HOST.
 */
int pty_slave_open(const char *path, int flags, struct err *err);

#endif
