/* SPDX-License-Identifier: MIT */
/* Every QEMU option that we know, as data: what becomes of it in a stub domain. */
#ifndef STUBDOM_OPTIONS_H
#define STUBDOM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* The fate of an option; the text is for people (docs/options.md). */
#define OPTION_CLASSES(X)                                                                \
	X(KEEP, "kept as it is")                                                         \
	X(CHECKED, "kept if it names no file or descriptor of dom0")                     \
	X(BARE_NAME, "kept if it is a bare file name, found in QEMU's own directory")    \
	X(DOMID, "kept; says which guest it is")                                         \
	X(NAME, "kept; gives the stub domain its name")                                  \
	X(PAUSED, "kept")                                                                \
	X(MACHINE, "kept if the machine is one for a Xen HVM guest")                     \
	X(ACCEL, "kept if it is xen")                                                    \
	X(DEVICE, "kept, unless the device needs one of dom0's")                         \
	X(CHARDEV, "becomes a channel")                                                  \
	X(PORT, "becomes a channel")                                                     \
	X(DRIVE, "its file becomes a disk of the stub domain")                           \
	X(DISK_FILE, "becomes a disk of the stub domain")                                \
	X(BLOCKDEV, "its file becomes a disk of the stub domain")                        \
	X(NETDEV, "becomes a network interface of the stub domain")                      \
	X(NET, "kept if it is none")                                                     \
	X(VNC, "becomes a channel")                                                      \
	X(DISPLAY, "kept if it is none; vnc becomes a channel")                          \
	X(FILE, "the file travels in the stub domain's ramdisk")                         \
	X(INCOMING, "becomes a channel")                                                 \
	X(USBDEVICE, "kept unless it is a device of dom0")                               \
	X(REWRITE, "written in the spelling that QEMU 10 takes")                         \
	X(STUBDOM, "for stubdom-dm itself")                                              \
	X(DROP, "dropped")                                                               \
	X(REFUSE, "refused")

enum option_class {
#define X(id, text) OPTION_##id,
	OPTION_CLASSES(X)
#undef X
};

struct qemu_option {
	const char *name; /* without the dash */
	bool takes_value;
	enum option_class class;
	/*
	 * CHECKED, DEVICE, ...: the name of a leading value ("" if it has none);
	 * FILE: its name in the ramdisk; PORT: QEMU's label; DISK_FILE: the other
	 * options of its -drive; REWRITE: the new spelling.
	 */
	const char *detail;
	const char *why; /* DROP, REFUSE: the reason and the remedy */
};

/* NULL: no option that we know.  One or two dashes in front, as QEMU takes it. */
const struct qemu_option *option_find(const char *arg);

extern const struct qemu_option qemu_options[];
extern const size_t n_qemu_options;

const char *option_class_text(enum option_class class);

#endif
