/* SPDX-License-Identifier: MIT */
/* PCI devices of dom0's that QEMU passes through. */
#ifndef STUBDOM_QMP_LENT_H
#define STUBDOM_QMP_LENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "pci_lent.h"

/*
 * dom0 lends a device to the stub domain before QEMU hears of it, and takes it back when QEMU
 * has let go.  A device_del only begins that: the guest has its say.  The toolstack then asks
 * for QEMU's devices again and again (query-pci), and so it is there that one is missed.
 */
enum { QMP_LENT_NAME_MAX = 15, QMP_LENT_ID_MAX = 63 };

/* All zero: none. */
struct qmp_lent {
	struct {
		char name[QMP_LENT_NAME_MAX + 1]; /* dom0's: "0000:01:00.0" */
		char id[QMP_LENT_ID_MAX + 1];	  /* QEMU's; "": none */
	} list[PCI_LENT_MAX];
	size_t n;
};

/* Dom0's name of the device that a device_add passes through; NULL: it passes none. */
const char *qmp_lent_wanted(const json_t *arguments);

/* Takes it from such arguments, in place of an older one of that name; -1: no room. */
int qmp_lent_add(struct qmp_lent *lent, const json_t *arguments);
void qmp_lent_remove(struct qmp_lent *lent, const char *name);
bool qmp_lent_has(const struct qmp_lent *lent, const char *name);

/* The name of one that an answer to query-pci has no more; NULL: it has them all. */
const char *qmp_lent_gone(const struct qmp_lent *lent, const json_t *answer);

#endif
