/* SPDX-License-Identifier: MIT */
/* Closes what a forked process must not hold. */
#ifndef STUBDOM_FDS_H
#define STUBDOM_FDS_H

#include <stddef.h>

/* Closes every descriptor above 2 but those in keep[], which it sorts; -1s are skipped.
 */
void fds_close_except(int *keep, size_t n);

#endif
