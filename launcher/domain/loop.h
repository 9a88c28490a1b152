/* SPDX-License-Identifier: MIT */
/* Loop devices; none can be left behind. */
#ifndef STUBDOM_DOMAIN_LOOP_H
#define STUBDOM_DOMAIN_LOOP_H

#include <stdbool.h>

#include "err.h"

enum { LOOP_PATH_SIZE = 32 }; /* "/dev/loop3" */

/*
 * A loop device for an open file or block device; `name` is for people.  It detaches
 * itself at its last close: ours, or blkback's, whichever is later.  So a launcher that
 * is killed at any moment leaves none, and no script has to be run to take it away.
 * Returns its descriptor, path in `path`; -1: err.
 */
int loop_attach(int file, const char *name, bool readonly, char path[LOOP_PATH_SIZE],
		struct err *err);

#endif
