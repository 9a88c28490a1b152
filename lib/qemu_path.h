/* SPDX-License-Identifier: MIT */
/* Where Debian's QEMU for Xen is, and where it is while 'stubdom enable' is in effect. */
#ifndef STUBDOM_QEMU_PATH_H
#define STUBDOM_QEMU_PATH_H

/* libxl and /etc/init.d/xen start this; in Debian's package qemu-system-xen. */
#define QEMU_PATH "/usr/libexec/xen-qemu-system-i386"

/* The same file while dpkg diverts it (dpkg-divert(1)'s own ending). */
#define QEMU_DIVERTED QEMU_PATH ".distrib"

#endif
