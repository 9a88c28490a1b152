/* SPDX-License-Identifier: MIT */
/* Interrupt levels that QEMU sets again and again. */
#ifndef NUB_XEN_LEVEL_H
#define NUB_XEN_LEVEL_H

#include <nub/types.h>

/*
 * Whether Xen has this level already, so that the operation changes nothing.  If not, it is to
 * be made now, in order.  `arg` is the operation's own structure, its values checked.
 */
bool level_is_set(u32 op, const void *arg);

#endif
