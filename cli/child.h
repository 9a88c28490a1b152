/* SPDX-License-Identifier: MIT */
/* Runs a program and takes its output. */
#ifndef STUBDOM_CHILD_H
#define STUBDOM_CHILD_H

#include <stddef.h>

#include "err.h"

/*
 * Runs argv[0], found on PATH, with no standard input.  Returns its exit status (128 + N
 * for signal N), or -1 with err set if it did not run.  *out is its standard output,
 * NUL-terminated, the caller's to free; more than max bytes are an error.  Standard error
 * is passed on, or dropped if quiet.
 */
int child_output(char *const argv[], size_t max, int quiet, char **out, struct err *err);

#endif
