/* SPDX-License-Identifier: MIT */
/* The possible answers of the image's QEMU: its own introspection, compiled. */
#ifndef STUBDOM_QMP_SCHEMA_H
#define STUBDOM_QMP_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* QEMU's meta-types and built-in types (docs/devel/qapi-code-gen.rst there). */
enum qmp_kind {
	QMP_KIND_ANY,
	QMP_KIND_BOOL,
	QMP_KIND_INT,
	QMP_KIND_NULL,
	QMP_KIND_NUMBER,
	QMP_KIND_STR,
	QMP_KIND_ENUM,
	QMP_KIND_ARRAY,
	QMP_KIND_OBJECT,
	QMP_KIND_ALTERNATE,
	QMP_KIND_COMMAND,
	QMP_KIND_EVENT,
};

struct qmp_member {
	char *name; /* variants: the tag's value; alternates: nothing */
	const struct qmp_type *type;
	bool optional;
};

struct qmp_type {
	char *name;
	enum qmp_kind kind;
	/* array: of what; command: what it returns; event: its data */
	const struct qmp_type *of;
	struct qmp_member *members; /* objects and alternates; enums: names only */
	size_t n_members;
	char *tag; /* objects: the member that chooses one of the variants, or NULL */
	struct qmp_member *variants;
	size_t n_variants;
};

struct qmp_schema {
	struct qmp_type *types; /* by name */
	size_t n;
};

/*
 * Compiles an array of SchemaInfo, as query-qmp-schema returns it.  Commands' arguments
 * are of no interest: entries that only arguments need may be missing.  Enumerations have
 * "values".  ERR_HOST: it is no such array; *out is empty then.
 */
int qmp_schema_load(const json_t *entries, struct qmp_schema *out, struct err *err);

/* `kind`: QMP_KIND_COMMAND or QMP_KIND_EVENT.  NULL: QEMU has none of this name. */
const struct qmp_type *qmp_schema_find(const struct qmp_schema *schema, const char *name,
				       enum qmp_kind kind);

void qmp_schema_free(struct qmp_schema *schema);

#endif
