/* SPDX-License-Identifier: MIT */
/* Comparison of other software's version numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "version.h"

static void test_compare(void **state)
{
	static const struct {
		const char *a, *b;
		int order;
	} cases[] = {
		{"4.20", "4.19", 1},
		{"4.9", "4.19", -1},
		{"4.19", "4.19", 0},
		{"4.19", "4.19.0", 0},
		{"4.20.1-pre", "4.20.1", 0},
		{"6.12.86+deb13-amd64", "6.12.78", 1},
		{"6.12.9", "6.12.78", -1},
		{"10.0.13", "8.2", 1},
		{"", "0.1", -1},
		{"garbage", "0", 0},
		{"1.", "1", 0},
		{"1..2", "1", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(version_compare(cases[i].a, cases[i].b), cases[i].order);
		assert_int_equal(version_compare(cases[i].b, cases[i].a),
				 -cases[i].order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_compare)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
