/* SPDX-License-Identifier: MIT */
#include "decimal.h"

#include "unit.h"

static void numbers(void **state)
{
	uint64_t n = 7;

	assert_int_equal(decimal_parse("0", 0, &n), 0);
	assert_true(n == 0);
	assert_int_equal(decimal_parse("0042", 42, &n), 0);
	assert_true(n == 42);
	assert_int_equal(decimal_parse("18446744073709551615", UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
}

static void others(void **state)
{
	static const char *const texts[] = {"",
					    " 1",
					    "1 ",
					    "+1",
					    "-1",
					    "1k",
					    "0x1",
					    "1.0",
					    "43",
					    "420",
					    "18446744073709551616",
					    "99999999999999999999999999999999"};
	uint64_t n = 7;
	unsigned u = 7;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(decimal_parse(texts[i], 42, &n), -1);
	assert_int_equal(decimal_parse("18446744073709551616", UINT64_MAX, &n), -1);
	assert_int_equal(decimal_parse(NULL, 42, &n), -1);
	assert_int_equal(decimal_parse_unsigned("4", 5, 42, &u), -1);
	assert_int_equal(decimal_parse_unsigned("43", 5, 42, &u), -1);
	assert_true(n == 7 && u == 7);
	assert_int_equal(decimal_parse_unsigned("5", 5, 42, &u), 0);
	assert_true(u == 5);
}

static void begins(void **state)
{
	uint64_t n;

	assert_string_equal(decimal_read("12,x", 99, &n), ",x");
	assert_true(n == 12);
	assert_null(decimal_read(",12", 99, &n));
	assert_null(decimal_read("100,", 99, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(others),
		cmocka_unit_test(begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
