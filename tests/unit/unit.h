/* SPDX-License-Identifier: MIT */
/* cmocka with the headers that it wants included before it, and files of a test's own. */
#ifndef STUBDOM_TEST_UNIT_H
#define STUBDOM_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* DIR/NAME has this text and nothing else. */
static inline void unit_write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif
