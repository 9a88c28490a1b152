/* SPDX-License-Identifier: MIT */
/* The files of dom0 that a QMP command may have written by their names. */
#ifndef STUBDOM_DOMAIN_FILES_H
#define STUBDOM_DOMAIN_FILES_H

#include "err.h"
#include "plan/plan.h"

/* Root's own; made when the first file is to be written there. */
#define DOMAIN_DUMP_DIR "/var/lib/qemu-stubdom/dump"

/*
 * Opens `path` for writing, emptied.  The relay asks, and it may have been taken
 * over by the stub domain: so the path is a name directly in DOMAIN_DUMP_DIR, or
 * the file that libxl has its guest's device state saved to.  For any other file
 * the QMP client opens it by itself and passes the descriptor.
 */
int domain_file_open(const struct plan *plan, const char *path, struct err *err);

#endif
