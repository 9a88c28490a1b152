/* SPDX-License-Identifier: MIT */
/* The name of a guest's machine, behind the state that its QEMU has saved. */
#ifndef STUBDOM_CHECK_STATE_NOTE_H
#define STUBDOM_CHECK_STATE_NOTE_H

#include <stddef.h>

#include "manifest.h"
#include "plan/plan.h"

/*
 * QEMU's state under Xen does not say of which machine it is, and another QEMU loads it wrongly
 * (docs/upstream-bugs.md).  So the relay adds a note to the toolstack's file, behind QEMU's
 * mark of the end (a zero).  The note is the byte 6, the length of the rest (four bytes, the
 * highest first), and {"qemu-stubdom":{"machine":"NAME"}}.  Members may be added.  To QEMU that
 * is a description of the state, which it reads and drops, or does not read at all.
 */
enum { STATE_NOTE_MAX = 256 };

/* The note's length; 0: the name has no room. */
size_t state_note_make(const char *machine, char note[static STATE_NOTE_MAX]);

/*
 * From the last bytes of a state, STATE_NOTE_MAX of them if there are as many.  *machine is the
 * caller's; NULL: there is no note.  ERR_HOST: there is one that is damaged.
 */
int state_note_read(const char *end, size_t len, char **machine, struct err *err);

/*
 * Whether the manifest's QEMU takes the state that the toolstack restores the guest from, if it
 * does, for a state of plan->machine.  True without a note, or if the machine is not known.
 */
int state_note_check(const struct plan *plan, const struct manifest *manifest,
		     struct err *err);

#endif
