/* SPDX-License-Identifier: MIT */
/* The first things that the agent sets up: file systems, modules, settings. */
#ifndef AGENT_SETUP_H
#define AGENT_SETUP_H

#include "err.h"

/* Mounts /dev, /proc, /sys; one that the kernel offers by itself is left alone. */
int setup_mounts(struct err *err);

/* Loads the modules that the image lists for its kernel; no list, nothing to do. */
int setup_modules(struct err *err);

/* Kernel settings; a kernel's missing ones are passed over. */
void setup_settings(void);

#endif
