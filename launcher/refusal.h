/* SPDX-License-Identifier: MIT */
/* Lets a toolstack show why its guest was refused. */
#ifndef STUBDOM_REFUSAL_H
#define STUBDOM_REFUSAL_H

#include "err.h"

/*
 * libxl shows nothing of a device model's standard error, but it shows a QMP error of one
 * that runs.  So this says `running` to libxl, answers its first command with the error,
 * and waits for its signal.  Nothing happens unless libxl waits for this very process.
 * The guest's start fails all the same: libxl takes no device model whose QMP fails.
 * Returns after 15 s at most.
 */
void refusal_tell(int argc, char *const argv[], const struct err *why);

#endif
