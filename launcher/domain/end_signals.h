/* SPDX-License-Identifier: MIT */
/* The signals that a toolstack, an init or a person ends a QEMU with. */
#ifndef STUBDOM_DOMAIN_END_SIGNALS_H
#define STUBDOM_DOMAIN_END_SIGNALS_H

#include <stdbool.h>

#include "err.h"

/*
 * Blocks SIGTERM, SIGHUP and SIGINT, ignores SIGPIPE, and returns a signalfd of the
 * three, non-blocking, the caller's to close.  -1: ERR_HOST.
 */
int end_signals_open(struct err *err);

/* Whether one has come.  It stays to be read. */
bool end_signals_came(int signals);

#endif
