/* SPDX-License-Identifier: MIT */
/* Decimal numbers that others wrote: digits and nothing else. */
#ifndef STUBDOM_DECIMAL_H
#define STUBDOM_DECIMAL_H

#include <stdint.h>

/*
 * A number from 0 to `most` with nothing around it, no sign, no space.  -1 if text is
 * NULL or no such number; *out is left alone then.
 */
int decimal_parse(const char *text, uint64_t most, uint64_t *out);

/* The same from `least` to `most`. */
int decimal_parse_unsigned(const char *text, unsigned least, unsigned most,
			   unsigned *out);

/* The number that text begins with; what follows it, or NULL if there is none. */
const char *decimal_read(const char *text, uint64_t most, uint64_t *out);

#endif
