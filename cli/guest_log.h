/* SPDX-License-Identifier: MIT */
/* Where a guest's log is. */
#ifndef STUBDOM_GUEST_LOG_H
#define STUBDOM_GUEST_LOG_H

#include "err.h"
#include "guest.h"

/*
 * The log of a guest, by name or domain id; of one that is gone, where libxl puts that of
 * a guest of this name, and *guest is all zero.  The caller frees both, also after a
 * failure.
 */
int guest_log_find(const char *name, struct guest *guest, char **out, struct err *err);

#endif
