/* SPDX-License-Identifier: MIT */
/* Keeps two domains, or a domain and a QEMU of dom0, from writing to one disk. */
#ifndef STUBDOM_DISK_LOCK_H
#define STUBDOM_DISK_LOCK_H

#include <stdbool.h>

#include "err.h"

/*
 * Takes the locks that QEMU itself takes on an image (block/file-posix.c), so that each
 * sees the other's.  They belong to the open file: they stay as long as the descriptor,
 * a copy of it, or a loop device on it does.  A writer shares with nobody, readers share
 * with readers.
 *
 * 0: locked; 1: somebody else has it, nothing is locked; -1: err.
 */
int disk_lock(int fd, bool readonly, struct err *err);

#endif
