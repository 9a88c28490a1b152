/* SPDX-License-Identifier: MIT */
/* JSON with QEMU's unsigned 64-bit numbers, which jansson's integers cannot hold. */
#ifndef STUBDOM_QMP_NUMBER_H
#define STUBDOM_QMP_NUMBER_H

#include <jansson.h>
#include <stdbool.h>

/*
 * As json_loadb and json_dumps (compact), but an integer from 2^63 to 2^64 - 1
 * comes out as it went in.  On the way it is a string, its digits behind a
 * character of Unicode's private use area.
 */
json_t *qmp_number_load(const char *text, size_t len);
char *qmp_number_dump(const json_t *value);

/* Whether a value is such an integer, and its digits (NULL if it is not). */
bool qmp_number_is_large(const json_t *value);
const char *qmp_number_digits(const json_t *value);

#endif
