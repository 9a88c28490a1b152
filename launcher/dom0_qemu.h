/* SPDX-License-Identifier: MIT */
/* dom0's own QEMU, the back end of dom0's disks, while 'stubdom enable' is in effect. */
#ifndef STUBDOM_DOM0_QEMU_H
#define STUBDOM_DOM0_QEMU_H

#include <stdbool.h>

#include "err.h"
#include "plan/argv.h"

/* Whether the line is that of /etc/init.d/xen: -xen-domid 0. */
bool dom0_qemu_is_asked(const struct args *args);

/*
 * Debian's /etc/init.d/xen looks for dom0's QEMU by its program's path, QEMU_PATH.  Puts
 * the program `real` at that path in a mount namespace of this process; mounts that dom0
 * makes later are seen there.  The caller executes QEMU_PATH then, or `real` after an
 * error.  ERR_HOST.
 */
int dom0_qemu_place(const char *real, struct err *err);

#endif
