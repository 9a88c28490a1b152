/* SPDX-License-Identifier: MIT */
/*
 * QEMU's option syntax: "first,key=value,flag" with ",," for a comma, or a JSON
 * object.
 */
#ifndef STUBDOM_QEMU_OPT_H
#define STUBDOM_QEMU_OPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* No honest argument comes near these. */
#define QEMU_OPTS_TEXT_MAX 65536
#define QEMU_OPTS_MAX 512
#define QEMU_OPTS_DEPTH_MAX 16

struct qemu_opt {
	char *name;   /* JSON: the path, "file.driver", "addr.0" */
	char *value;  /* JSON: numbers as text, booleans as "on" and "off" */
	bool implied; /* the leading value without a name */
	bool flag;    /* written as a bare word: "server", "nowait" */
};

/*
 * One parsed argument.  Owns everything; qemu_opts_free releases it.  An unchanged part
 * is written back byte for byte.
 */
struct qemu_opts {
	struct qemu_opt *list; /* in the order written */
	size_t n;
	char *text;   /* as it came; NULL once changed */
	json_t *json; /* the object, if it was JSON */
};

/*
 * Parses as QEMU does.  `implied` names a leading value without '='; with NULL a leading
 * bare word is a flag.  A bare word "foo" is foo=on, "nofoo" is foo=off.  A text that
 * starts with '{' is JSON if `json` allows it.  ERR_USAGE; on error *out is empty.
 */
int qemu_opts_parse(const char *text, const char *implied, bool json,
		    struct qemu_opts *out, struct err *err);

/* The value that counts (the last one); NULL: not there. */
const char *qemu_opts_get(const struct qemu_opts *opts, const char *name);

/* Whether a boolean is on; `missing` if it is not there.  -1: not a boolean. */
int qemu_opts_get_bool(const struct qemu_opts *opts, const char *name, bool missing);

/*
 * Sets a value: the first of that name takes it and the others go; a new one is
 * added at the end.  In JSON the path's objects must be there already.
 */
void qemu_opts_set(struct qemu_opts *opts, const char *name, const char *value);

void qemu_opts_remove(struct qemu_opts *opts, const char *name);

/* As an argument again; the caller frees it. */
char *qemu_opts_format(const struct qemu_opts *opts);

void qemu_opts_free(struct qemu_opts *opts);

#endif
