/* SPDX-License-Identifier: MIT */
/* Decimal numbers that others wrote: digits and nothing else. */
#include "decimal.h"

#include <stddef.h>

const char *decimal_read(const char *text, uint64_t most, uint64_t *out)
{
	uint64_t n = 0;

	if (!text || *text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (n > most / 10 || digit > most - n * 10)
			return NULL;
		n = n * 10 + digit;
	}
	*out = n;
	return text;
}

int decimal_parse(const char *text, uint64_t most, uint64_t *out)
{
	uint64_t n;
	const char *end = decimal_read(text, most, &n);

	if (!end || *end)
		return -1;
	*out = n;
	return 0;
}

int decimal_parse_unsigned(const char *text, unsigned least, unsigned most, unsigned *out)
{
	uint64_t n;

	if (decimal_parse(text, most, &n) < 0 || n < least)
		return -1;
	*out = (unsigned)n;
	return 0;
}
