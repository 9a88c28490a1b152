/* SPDX-License-Identifier: MIT */
/* The frame of the programs that libxl runs as hot-plug scripts of the stub domain. */
#ifndef STUBDOM_HOTPLUG_H
#define STUBDOM_HOTPLUG_H

#include "err.h"
#include "xenstore_util.h"

/*
 * libxl calls them with a verb and the backend's path in XENBUS_PATH, and waits for
 * `hotplug-status` there.  For `verb` act is called, which says `connected`.  An error
 * of act goes to `hotplug-error`, which libxl passes on.  Returns main's status.
 */
int hotplug_main(int argc, char **argv, const char *verb,
		 int (*act)(struct xs_handle *xs, const char *backend, struct err *err));

#endif
