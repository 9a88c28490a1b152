/* SPDX-License-Identifier: MIT */
/* Commands after which a disk of the stub domain has to be longer than it is. */
#ifndef STUBDOM_QMP_GROW_H
#define STUBDOM_QMP_GROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * A disk of the stub domain has the length that dom0 gives it.  QEMU needs more when the
 * guest's disk is to get longer.  It needs more for an internal snapshot, which keeps
 * what the guest then overwrites.  dom0 makes it longer before QEMU hears of the command.
 */
struct qmp_grow {
	const char *device; /* borrowed; an id, or a node's name: */
	bool is_node;
	json_int_t size; /* bytes that the guest is to see; 0: one snapshot more */
	char words[128]; /* of an HMP line: `device` may be one of them */
};

/*
 * Whether the command is one, `block_resize` and `blockdev-snapshot-internal-sync`, also
 * as HMP in QMP's clothes.  -1: it is refused, err says why.
 */
int qmp_grow_parse(const char *name, const json_t *arguments, struct qmp_grow *out,
		   struct err *err);

/* The question for QEMU, for qmp_grow_find. */
json_t *qmp_grow_query(const struct qmp_grow *grow);

/* The stub domain's disk that it is about, "xvda", from the answer; false: none. */
bool qmp_grow_find(const struct qmp_grow *grow, const json_t *answer, char *disk,
		   size_t size);

#endif
