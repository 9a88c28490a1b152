/* SPDX-License-Identifier: MIT */
/*
 * QEMU's short spelling of character devices: "pty", "tcp:host:port,server",
 * "file:/x".
 */
#ifndef STUBDOM_CHARDEV_COMPAT_H
#define STUBDOM_CHARDEV_COMPAT_H

#include "qemu_opt.h"

/*
 * Reads what -serial and its like take, as QEMU does, into -chardev's options
 * (backend, and so on; no id).  ERR_USAGE; on error *out is empty.
 */
int chardev_compat_parse(const char *text, struct qemu_opts *out, struct err *err);

#endif
