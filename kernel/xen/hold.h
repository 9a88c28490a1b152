/* SPDX-License-Identifier: MIT */
/* nub.guest=served: another QEMU still serves the guest, and ours does not touch it yet. */
#ifndef NUB_XEN_HOLD_H
#define NUB_XEN_HOLD_H

#include <nub/types.h>

void hold_init(void);

/* Whether this operation of QEMU's is left out, as if it had been done. */
bool hold_takes(u32 op);

/* Whether it gives QEMU the guest: it is not to be done before dom0's word. */
bool hold_ends(u32 op, const void *arg);

/*
 * An operation of QEMU's was done; `arg` is its own structure.  True: the ioreq server that
 * it enabled is to be disabled at once.  QEMU enables it twice: when it makes it, though
 * the guest's state is still to come, and when it runs.  The second time ends the hold.
 * The first cannot be left out: Xen then tells QEMU the event channels.
 */
bool hold_disables(u32 op, const void *arg);

#endif
