/* SPDX-License-Identifier: MIT */
/* For toolstacks and tools in dom0: the interfaces of stubdom-dm that C programs use. */
#ifndef QEMU_STUBDOM_STUBDOM_H
#define QEMU_STUBDOM_STUBDOM_H

/*
 * A toolstack starts stubdom-dm in QEMU's place, with QEMU's arguments.  Its path, the
 * directory of the JSON Schemas and others are variables of qemu-stubdom.pc (pkg-config).
 * stubdom-dm --interface tells at run time which options there are; stubdom-dm --plan
 * tells what becomes of a line.
 */

/* Version of the JSON of each; a program refuses one that it does not know. */
#define QEMU_STUBDOM_INTERFACE_VERSION 1 /* stubdom-dm --interface */
#define QEMU_STUBDOM_PLAN_VERSION 1	 /* stubdom-dm --plan */
#define QEMU_STUBDOM_MANIFEST_VERSION 1	 /* the image's manifest.json */
#define QEMU_STUBDOM_BOOT_VERSION 1	 /* boot.json */

/* Exit statuses of stubdom-dm. */
enum qemu_stubdom_exit {
	QEMU_STUBDOM_EXIT_DONE = 0,
	QEMU_STUBDOM_EXIT_USAGE = 2, /* or an argument that cannot be carried */
	QEMU_STUBDOM_EXIT_HOST = 3,  /* Xen, libxl, xenstore, a file, the image */
	QEMU_STUBDOM_EXIT_STUB = 4,  /* the stub domain failed, died or took too long */
	QEMU_STUBDOM_EXIT_GUEST = 5, /* the guest does not exist or is gone */
};

/*
 * A directory of xenstore for each guest, named by its domain id, that only dom0 can
 * write.  It is there before the stub domain runs, and gone with it.  Values are text; a
 * key that is missing is not known.
 */
#define QEMU_STUBDOM_XS_GUESTS "/local/domain/0/stubdom"
#define QEMU_STUBDOM_XS_STUB "stub"		/* domain id of the stub domain */
#define QEMU_STUBDOM_XS_KERNEL "kernel"		/* "linux", "nub" */
#define QEMU_STUBDOM_XS_TYPE "type"		/* "pvh", "pv" */
#define QEMU_STUBDOM_XS_GUEST "guest"		/* the guest's name */
#define QEMU_STUBDOM_XS_LAUNCHER "launcher-pid" /* the stubdom-dm that serves it */
#define QEMU_STUBDOM_XS_STARTED "started"	/* seconds since 1970 */
#define QEMU_STUBDOM_XS_LOG "log"		/* the file that it logs to */

/* A QMP monitor of each guest, for root, one client at a time: printf with its domain id. */
#define QEMU_STUBDOM_QMP_SOCKET "/run/qemu-stubdom/%u/qmp"

#endif
