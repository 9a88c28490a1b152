/* SPDX-License-Identifier: MIT */
/* The evidence of stub domains that have died, as stubdom-dm has kept it. */
#ifndef STUBDOM_CLI_CRASH_H
#define STUBDOM_CLI_CRASH_H

#include <jansson.h>
#include <stdbool.h>

#include "crash_dir.h"
#include "err.h"

/*
 * The evidence called `name` in the folder: its name and facts, and its files with their
 * sizes (schema/crashes.schema.json).  A fact that is missing or damaged is null.  The
 * caller owns it.  NULL: err; ERR_HOST.
 */
json_t *crash_read(const struct crash_dir *dir, const char *name, struct err *err);

/* The newest one called this, or of a guest called this; NULL: there is none. */
const char *crash_find(const struct crash_dir *dir, const char *name_or_guest);

/* One of its files, cut at 256 KiB; the caller frees.  NULL: there is no such file. */
char *crash_read_file(const struct crash_dir *dir, const char *name, const char *file);

/* Whether the stub domain's memory is among its files. */
bool crash_has_core(const struct crash_dir *dir, const char *name);

#endif
