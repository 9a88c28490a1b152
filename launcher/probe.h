/* SPDX-License-Identifier: MIT */
/* The toolstack's probe: what QEMU can do, answered from the image's manifest. */
#ifndef STUBDOM_PROBE_H
#define STUBDOM_PROBE_H

#include "manifest.h"
#include "plan/argv.h"

/*
 * Answers QMP on the descriptor that the -chardev names until `quit`.  ERR_USAGE:
 * the line names no such descriptor; ERR_HOST: nobody asked in time.
 */
int probe_run(const struct args *args, const struct manifest *manifest, struct err *err);

/*
 * One connection, from greeting to `quit` (1) or to the peer's end (0).  An idle
 * peer is given up on after idle_ms.
 */
int probe_serve(int fd, const struct manifest *manifest, int idle_ms, struct err *err);

#endif
