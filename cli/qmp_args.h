/* SPDX-License-Identifier: MIT */
/* QMP commands as a person types them: JSON text, or COMMAND KEY=VALUE... */
#ifndef STUBDOM_QMP_ARGS_H
#define STUBDOM_QMP_ARGS_H

#include <jansson.h>

#include "err.h"

/*
 * Makes the QMP command of the words.  One word that starts with '{' is the command
 * itself.  Otherwise the first is its name and the others are arguments.  ERR_USAGE names
 * the word at fault.  The caller owns *out.
 */
int qmp_args_parse(int n, char *const words[], json_t **out, struct err *err);

#endif
