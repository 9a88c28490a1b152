/* SPDX-License-Identifier: MIT */
/* dom0's record of each stub domain: written by stubdom-dm, read by stubdom. */
#ifndef STUBDOM_ABI_FACTS_H
#define STUBDOM_ABI_FACTS_H

/*
 * One directory a guest, named by the guest's domain id, in a part of xenstore that only
 * dom0 can write.  A stub domain's own words (abi/boot.h) are elsewhere.  Made before the
 * stub domain runs, removed with it.  Every value is text; a missing key is not known.
 */
#define STUBDOM_XS_FACTS "/local/domain/0/stubdom"

#define STUBDOM_FACT_STUB "stub"	     /* domain id of the stub domain */
#define STUBDOM_FACT_KERNEL "kernel"	     /* "linux", "nub" */
#define STUBDOM_FACT_TYPE "type"	     /* "pvh", "pv" */
#define STUBDOM_FACT_GUEST "guest"	     /* the guest's name */
#define STUBDOM_FACT_LAUNCHER "launcher-pid" /* of the stubdom-dm that libxl knows */
#define STUBDOM_FACT_STARTED "started"	     /* seconds since 1970 */
#define STUBDOM_FACT_LANDLOCK "landlock" /* version that shuts the relay in; 0: none */
#define STUBDOM_FACT_IMAGE "image"	 /* directory of the image it was started from */
#define STUBDOM_FACT_IMAGE_MARK "image-mark" /* manifest_mark() of its kernel's files */
#define STUBDOM_FACT_QEMU "qemu"	     /* version of the image's QEMU */
#define STUBDOM_FACT_LOG "log"		     /* file that stubdom-dm logs to */

/* Why the stub domain died under its guest; not there while it lives. */
#define STUBDOM_FACT_DIED "died"

/* QEMU does not answer a QMP command; not there once it has spoken again. */
#define STUBDOM_FACT_SILENT "silent"

/* Which NICs have no back end while the guest runs, and why; not there while all have. */
#define STUBDOM_FACT_NO_LINK "no-link"

/*
 * 'stubdom replace' (docs/replace.md).  The tool writes "NUMBER IMAGE" to _ASK: a number of
 * its own, and the directory of the image.  stubdom-dm has _PHASE while it works.  It
 * writes "NUMBER KEY=VALUE..." to _ANSWER then, or "NUMBER error TEXT".
 */
#define STUBDOM_FACT_REPLACE "replace" /* a directory */
#define STUBDOM_FACT_REPLACE_ASK "replace/ask"
#define STUBDOM_FACT_REPLACE_PHASE "replace/phase"
#define STUBDOM_FACT_REPLACE_ANSWER "replace/answer"
/* In their order; "check_ms" is the time of "check" in _ANSWER. */
#define STUBDOM_REPLACE_PHASES {"check", "build", "boot", "save", "load", "switch", "end"}

#define STUBDOM_FACT_NIC "nic" /* a directory: <tap> is "MODEL MAC" */

/*
 * Sockets for stubdom itself, in STUBDOM_RUN_DIR/<guest domid>/ (root only,
 * mode 0700): made by stubdom-dm before the stub domain, removed with it.
 * They are channels like any other (abi/channel.h).
 */
#define STUBDOM_RUN_DIR "/run/qemu-stubdom"
#define STUBDOM_RUN_QMP "qmp" /* a QMP monitor of our own */
#define STUBDOM_CHANNEL_OWN_QMP "stubdom-qmp"
#define STUBDOM_CHANNEL_OWN_SAVE "stubdom-save" /* no socket: files that QEMU writes */

#endif
