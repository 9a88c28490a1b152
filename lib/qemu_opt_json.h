/* SPDX-License-Identifier: MIT */
/* The JSON form of QEMU's options; only for qemu_opt.c. */
#ifndef STUBDOM_QEMU_OPT_JSON_H
#define STUBDOM_QEMU_OPT_JSON_H

#include "qemu_opt.h"

/* Takes ownership of name and value. */
void qemu_opts_add(struct qemu_opts *opts, char *name, char *value, bool implied,
		   bool flag);

/* Fills json and, flattened, the list. */
int qemu_opts_parse_json(const char *text, struct qemu_opts *out, struct err *err);

/* Sets a string at a path, or with NULL removes the value there. */
void qemu_opts_json_set(json_t *root, const char *path, const char *value);

#endif
