/* SPDX-License-Identifier: MIT */
/* Which device model a line gets that was started at QEMU's own path ('stubdom enable'). */
#ifndef STUBDOM_SELECT_H
#define STUBDOM_SELECT_H

#include <stdbool.h>

#include "plan/argv.h"
#include "plan/stubopt.h"

enum select_way {
	SELECT_STUBDOM, /* stubdom-dm, which also says what is wrong with a line */
	SELECT_QEMU,	/* Debian's QEMU, in dom0 */
};

/*
 * A machine xenpv serves PV disks, consoles and screens and is no device model; without
 * -xen-domid there is no guest.  A probe does not say for which guest it asks.  So it is
 * the image's; without an image it is QEMU's, and guests without a stub domain still start.
 * No device model of a guest goes to QEMU but by `model`, its key of the configuration.
 */
enum select_way select_way(const struct args *args, enum stubopt_model model,
			   bool has_image);

#endif
