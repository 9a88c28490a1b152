/* SPDX-License-Identifier: MIT */
/* The plan: what a QEMU command line of dom0 becomes as a stub domain. */
#ifndef STUBDOM_PLAN_H
#define STUBDOM_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "channel_kind.h"
#include "err.h"
#include "log.h"
#include "manifest.h"
#include "plan/stubopt.h"

#define PLAN_VERSION 1 /* of the JSON form, docs/interface.md */

/* libxl's id of the character device of a channel= line; the console's number follows. */
#define PLAN_CONSOLE_LABEL "libxl-channel"

enum { PLAN_PORT_MAX = 65535 };

/* A channel's end in dom0. */
#define PLAN_ENDPOINT_TYPES(X)                                                           \
	X(UNIX_LISTEN, "unix-listen")	/* path */                                       \
	X(UNIX_CONNECT, "unix-connect") /* path */                                       \
	X(FD, "fd")			/* fd, listening */                              \
	X(PTY, "pty")			/* path: a symbolic link to make, or NULL */     \
	X(FILE, "file")			/* path, append */                               \
	X(TCP_LISTEN, "tcp-listen")	/* host, port, to */                             \
	X(TCP_CONNECT, "tcp-connect")	/* host, port */                                 \
	X(STDIO, "stdio")                                                                \
	X(DISCARD, "null")                                                               \
	X(SHARED, "shared") /* with: takes its clients where that channel does */

enum plan_endpoint_type {
#define X(id, name) PLAN_ENDPOINT_##id,
	PLAN_ENDPOINT_TYPES(X)
#undef X
};

struct plan_endpoint {
	enum plan_endpoint_type type;
	char *path;
	char *host;	      /* "" listens on every address */
	char *with;	      /* shared: a channel that listens */
	unsigned port;	      /* 1..PLAN_PORT_MAX; tcp-listen: the first to try */
	unsigned to;	      /* tcp-listen: the last port to try, >= port */
	int fd;		      /* a descriptor that the caller left open for us */
	bool listening;	      /* fd: a listening socket, to accept from */
	bool append;	      /* file: keep its content */
	bool telnet;	      /* tcp-*: with telnet negotiation */
	unsigned reconnect_s; /* *-connect: seconds between tries; 0: one try */
	/* By endpoint_lookup: the addresses of `host` at the start, "192.0.2.1" and the
	 * like, NULL-terminated; NULL: not looked up. */
	char **addresses;
};

struct plan_channel {
	char *name;  /* valid by channel_name_valid, unique in the plan */
	char *label; /* QEMU's name of the chardev, as query-chardev answers it;
			NULL: QEMU has no such chardev (vnc, restore) */
	enum stubdom_channel_kind kind;
	char *stub_path; /* the unix socket that QEMU listens on */
	bool password;	 /* vnc: the relay asks viewers for it, QEMU does not */
	bool websocket;	 /* vnc: the relay speaks to a browser */
	struct plan_endpoint endpoint;
};

struct plan_disk {
	char *dev;    /* "xvda": the stub domain's name of it */
	char *target; /* file or block device in dom0 */
	char *format; /* QEMU's name of the format in it: "raw", "qcow2"; NULL: not said.
		       * The stub domain is given the container as raw bytes. */
	bool readonly;
	/* Index in `qemu` of the -drive that gets its backing files added; 0: there is
	 * none, or it names its backing files itself. */
	size_t drive;
	/* By plan_resolve: a container's file gets this long before it is attached; 0: as
	   it is. */
	unsigned long long grow_to;
	bool has_backing; /* by plan_resolve: its header names a backing file */
	bool pv_only;	  /* no argument of QEMU's names it: PV drivers see it */
	char *use;	  /* "drive 0": the argument it is for, for people and logs */
};

struct plan_nic {
	char *tap;	/* "tap0" in the stub domain */
	unsigned xenif; /* devid of the stub domain's PV interface */
	char *mac;	/* the guest's; NULL: QEMU makes one up */
	char *bridge;	/* in dom0; NULL: not said */
	char *vifname;	/* name that the toolstack expects in dom0; NULL: any */
	char *script;	/* dom0's hot-plug script; NULL: the default */
	char *model;	/* QEMU's device name; NULL: not said */
	char *netdev;	/* QEMU's id of the back end */
};

/* A file of dom0 that travels in the stub domain's ramdisk. */
struct plan_file {
	char *name;   /* "boot/kernel", no leading slash */
	char *source; /* path in dom0 */
	/* By plan_resolve; before it, 0. */
	unsigned long long bytes;
};

/* Owns everything it points to; plan_free releases it. */
struct plan {
	char *name; /* of the stub domain, "<guest>-dm" */
	unsigned guest_domid;
	char *guest_name;
	enum stubopt_kernel kernel;
	enum stubopt_type type;
	enum stubopt_on_crash on_crash;
	bool core;	    /* the memory of a dead stub domain is kept */
	unsigned memory_mb; /* 0 until plan_set_memory, unless the caller gave it */
	unsigned vcpus;
	unsigned timeout_s;	/* from start to the stage `running` */
	unsigned silence_max_s; /* 0: a QEMU that does not answer is told, no more */
	unsigned weight;	/* these four as in struct stubopt */
	unsigned cap;
	char *cpupool;
	char *seclabel; /* of XSM/FLASK; NULL: Xen's default */
	char *cpus;
	unsigned uid_base; /* the relay is user uid_base + guest_domid */
	enum log_level log;
	char *topology_file; /* NULL: each NIC straight to its interface */
	char *backend;	     /* domain of the interfaces' back ends; NULL: dom0 */
	char *backing_dir;   /* folder of backing files; NULL: there may be none */
	/* A container's file gets no longer than that; 0: than twice what its header asked
	   for when it was used first. */
	unsigned container_max_mb;
	unsigned vram_mb; /* the guest's screen memory, as far as said */
	char *machine; /* by plan_set_machine: QEMU's full name of it; NULL: not known */
	bool paused;   /* -S: QEMU does not write `running` before `cont` */
	struct plan_disk *disks;
	size_t n_disks;
	struct plan_nic *nics;
	size_t n_nics;
	struct plan_channel *channels;
	size_t n_channels;
	struct plan_file *files;
	size_t n_files;
	char **topology; /* lines of topology_file, by plan_resolve; NULL-terminated */
	size_t n_topology;
	char **qemu; /* argv in the stub domain, NULL-terminated */
	size_t n_qemu;
	char **notes; /* arguments that were dropped and why, for the log;
		       * NULL-terminated */
	size_t n_notes;
};

/*
 * Makes the plan of QEMU's command line, with the channels of our own.  Pure: no
 * file, no Xen; the same input gives the same plan.  An argument that cannot be
 * carried is ERR_USAGE, and the message names its index and text.  On error
 * *out is empty.
 */
int plan_build(const struct args *args, const struct stubopt *options, struct plan *out,
	       struct err *err);

/* Whether plan->qemu[i] is this option, with a value behind it. */
bool plan_is_option(const struct plan *plan, size_t i, const char *name);

/* Adds a disk under the next free name; the strings are copied. */
struct plan_disk *plan_add_disk(struct plan *plan, const char *target, const char *format,
				bool readonly, const char *use);

/* The disk on this file of dom0's; NULL: none. */
const struct plan_disk *plan_find_disk(const struct plan *plan, const char *target);

/*
 * Bytes of the stub domain's memory that its ramdisk takes at the most, with the guest's
 * boot files and the root that Linux unpacks.
 */
unsigned long long plan_ramdisk_bytes(const struct plan *plan,
				      const struct manifest *manifest);

/* With less, QEMU does not even start. */
unsigned long long plan_least_mb(const struct plan *plan,
				 const struct manifest *manifest);

/*
 * Fills in memory_mb if the caller did not say it, from the image and the
 * boot files (docs/interface.md gives the sum).
 */
void plan_set_memory(struct plan *plan, const struct manifest *manifest);

/* The JSON form, version PLAN_VERSION; the caller owns it.  NULL: out of memory. */
json_t *plan_to_json(const struct plan *plan);

/* Remembers something worth a line in the log. */
void plan_note(struct plan *plan, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

const char *plan_endpoint_type_name(enum plan_endpoint_type type);

/* Frees what it points to, not the struct. */
void plan_disk_free(struct plan_disk *disk);

void plan_free(struct plan *plan);

/* Each NIC straight to its interface. */
void plan_drop_topology(struct plan *plan);

#endif
