/* SPDX-License-Identifier: MIT */
/* Gives up every privilege that moving bytes does not need. */
#ifndef STUBDOM_RELAY_SANDBOX_H
#define STUBDOM_RELAY_SANDBOX_H

#include "err.h"

/*
 * An empty root directory, a user without rights, no new privileges, bounded
 * memory, and a list of allowed system calls; anything else ends the process.
 * There is no way back.
 */
int relay_sandbox_enter(struct err *err);

#endif
