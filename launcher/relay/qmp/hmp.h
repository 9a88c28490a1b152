/* SPDX-License-Identifier: MIT */
/* QEMU's human monitor by way of QMP: commands that name a file of dom0's. */
#ifndef STUBDOM_QMP_HMP_H
#define STUBDOM_QMP_HMP_H

#include <stdbool.h>

/*
 * The answer to this line of human-monitor-command's in QEMU's place.  The stub domain
 * has no file of that name, or would write one that nobody sees.  NULL: the line is
 * QEMU's.
 */
const char *qmp_hmp_refusal(const char *line);

/* The same of a line on a monitor that has a socket of its own, where nobody helps QEMU. */
const char *qmp_hmp_refusal_alone(const char *line);

/* Whether QEMU may have let go of a disk when it has answered this line. */
bool qmp_hmp_releases(const char *line);

#endif
