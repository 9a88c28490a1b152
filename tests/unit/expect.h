/* SPDX-License-Identifier: MIT */
/* The output of a unit under test, in a buffer. */
#ifndef STUBDOM_TESTS_EXPECT_H
#define STUBDOM_TESTS_EXPECT_H

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"

/* Compares and takes the bytes that wait in a buffer. */
static inline void expect(struct buffer *b, const char *text)
{
	char *got = calloc(1, b->len + 1);

	if (b->len)
		memcpy(got, buffer_bytes(b), b->len);
	assert_string_equal(got, text);
	free(got);
	buffer_consume(b, b->len);
}

#endif
