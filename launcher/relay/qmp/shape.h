/* SPDX-License-Identifier: MIT */
/* A value of the stub domain's, made anew as QEMU's schema says. */
#ifndef STUBDOM_QMP_SHAPE_H
#define STUBDOM_QMP_SHAPE_H

#include <jansson.h>

#include "relay/qmp/schema.h"
#include "relay/qmp/word.h"

/*
 * A new value for the caller, with only the members that `type` knows, every string of it
 * from word.h.  NULL: `value` is not of this type: something is missing, has another
 * type, or is none of an enumeration.
 */
json_t *qmp_shape(const struct qmp_names *names, const struct qmp_type *type,
		  const json_t *value);

#endif
