/* SPDX-License-Identifier: MIT */
/* The way of each QMP command to the stub domain's QEMU. */
#ifndef STUBDOM_QMP_TABLE_H
#define STUBDOM_QMP_TABLE_H

#include <stddef.h>

enum qmp_action {
	QMP_PASS,	    /* it names nothing of dom0 */
	QMP_REFUSE,	    /* it names something of dom0 that is not carried */
	QMP_ANSWER_CHARDEV, /* passed; the answer gets dom0's names */
	QMP_ANSWER_VNC,
	QMP_FDS,     /* answered here, from fds.h */
	QMP_WRITES,  /* QEMU writes the file `filename`: it ends up in dom0 */
	QMP_OPENS,   /* QEMU opens a disk that `filename` names, at any depth */
	QMP_GROWS,   /* a disk of the stub domain gets longer first, if grow.h says so */
	QMP_STREAMS, /* passed if the disk has no backing file afterwards; else refused */
	QMP_RUNS,    /* passed if the launcher lets the guest run */
	QMP_LENDS, /* passed; a PCI device of dom0's is lent before, if lent.h says so */
	QMP_RETURNS, /* passed; its answer tells which PCI devices QEMU has let go */
	QMP_SAVES,   /* as QMP_WRITES, without a PCI device */
	QMP_RELEASE, /* passed; after it disks may be in no use any more */
	QMP_AGREES,  /* passed; the client is done with negotiation when it went well */
	QMP_TRACKS,  /* passed; a live migration has begun or ended */
	QMP_RESUMES, /* asked by ourselves of a new QEMU, which a client need not know of */
	QMP_STEP,    /* asked by ourselves on the way (job.h): no command of a client */
};

struct qmp_command {
	const char *name;
	enum qmp_action action;
	const char *why; /* of a refusal: for the caller, after "cannot be carried: " */
};

/* A command that the table does not name passes: QEMU reaches nothing of dom0. */
const struct qmp_command *qmp_table_find(const char *name);

#endif
