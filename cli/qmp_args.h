/* SPDX-License-Identifier: MIT */
/* QMP commands as a person types them: JSON text, or COMMAND KEY=VALUE... */
#ifndef STUBDOM_QMP_ARGS_H
#define STUBDOM_QMP_ARGS_H

#include <jansson.h>

#include "err.h"

/*
 * Makes the QMP command of the words: one word that starts with '{' is the
 * command itself; otherwise the first is its name and the others are arguments.
 * ERR_USAGE names the word at fault.  The caller owns *out.
 */
int qmp_args_parse(int n, char *const words[], json_t **out, struct err *err);

/*
 * Adds KEY=VALUE to an object.  VALUE is read as JSON, else it is a string; "a.b=V" sets
 * b in the object a.  A key that is already there is an error.
 */
int qmp_args_set(json_t *object, const char *word, struct err *err);

#endif
