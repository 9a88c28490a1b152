/* SPDX-License-Identifier: MIT */
/* A plan in the making, shared by the parts of plan_build. */
#ifndef STUBDOM_BUILD_H
#define STUBDOM_BUILD_H

#include "plan/argv.h"
#include "plan/plan.h"
#include "qemu_opt.h"

/* More than any guest has; they keep a damaged command line from using up memory. */
#define BUILD_DISKS_MAX 256
#define BUILD_NICS_MAX 64
#define BUILD_PATH_MAX 4095

struct build {
	struct plan *plan;
	const struct args *args; /* the whole line: options refer to each other */
	unsigned n_serial;
	unsigned n_parallel;
	unsigned n_monitor;
	unsigned n_drive;
	bool has_domid;
	bool silent; /* a back end for sound is on the line */
};

/* Appends to the stub domain's QEMU command line. */
void build_emit(struct build *b, const char *text);
void build_emit_pair(struct build *b, const char *option, const char *value);

/* Appends "option value" from opts. */
void build_emit_opts(struct build *b, const char *option, const struct qemu_opts *opts);

/* Adds a disk.  The target must be an absolute path.  NULL: err. */
const struct plan_disk *build_add_disk(struct build *b, const char *target,
				       const char *format, bool readonly, const char *use,
				       struct err *err);

/* Adds a file of the ramdisk. */
int build_add_file(struct build *b, const char *name, const char *source,
		   struct err *err);

/*
 * Adds a channel with a name made from label (or `name` if label is NULL); takes
 * over the endpoint's strings, also on error.  The pointer is good until the next
 * channel is added.
 */
struct plan_channel *build_add_channel(struct build *b, const char *label,
				       const char *name, enum stubdom_channel_kind kind,
				       struct plan_endpoint *endpoint, struct err *err);

/* An absolute path that a person can have meant. */
int build_check_path(const char *path, struct err *err);

/*
 * Whether any value names a file or a descriptor of dom0, by its key or by its
 * form; ERR_USAGE if so.
 */
int build_check_values(const struct qemu_opts *opts, struct err *err);

/* One option, read and carried; the handlers of build.c's table. */
typedef int build_handler(struct build *b, const struct arg *arg, struct err *err);

build_handler build_chardev; /* -chardev */
build_handler build_port;    /* -serial, -parallel, -monitor, -qmp, -debugcon */
build_handler build_incoming;
build_handler build_vnc;
build_handler build_display;
build_handler build_drive;
build_handler build_disk_file; /* -cdrom, -hda, ... */
build_handler build_blockdev;
build_handler build_netdev;
build_handler build_net;
build_handler build_device; /* -device, -object */
build_handler build_machine;

#endif
