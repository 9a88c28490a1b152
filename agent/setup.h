/* SPDX-License-Identifier: MIT */
/* The first things that the agent sets up: file systems, modules, settings. */
#ifndef AGENT_SETUP_H
#define AGENT_SETUP_H

#include "err.h"

/* Mounts /dev, /proc, /sys; one that the kernel offers by itself is left alone. */
int setup_mounts(struct err *err);

/*
 * Linux: mounts the root's disk, whose directories become those of the same name.  Where
 * `qemu` is there already nothing is to do: nub has the disk's files in its tree.  Not
 * before the modules are there, which lie in a directory of such a name.
 */
int setup_root(const char *qemu, struct err *err);

/*
 * A process of its own loads the modules that the image lists for its kernel.  That of a
 * front end waits for minutes for a back end that does not connect.  setup_modules_check
 * says whether one has failed so far, setup_modules_end waits for all of them.  No list,
 * nothing to do.
 */
int setup_modules_begin(struct err *err);
int setup_modules_check(struct err *err);
int setup_modules_end(struct err *err);

/* Kernel settings; a kernel's missing ones are passed over. */
void setup_settings(void);

#endif
