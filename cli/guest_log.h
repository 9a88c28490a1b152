/* SPDX-License-Identifier: MIT */
/* Where a guest's log is. */
#ifndef STUBDOM_GUEST_LOG_H
#define STUBDOM_GUEST_LOG_H

#include "err.h"

/*
 * The log of a guest, by name or domain id; of one that is gone, where libxl puts that of
 * a guest of this name.  The caller frees *out, also after a failure.
 */
int guest_log_find(const char *name, char **out, struct err *err);

#endif
