/* SPDX-License-Identifier: MIT */
/* A rate: so much at once, then so much a second, and no more is saved up. */
#include "unit.h"

#include "rate.h"

static void test_rate(void **state)
{
	struct rate rate = rate_full(1000, 5000);

	assert_int_equal(rate_left(&rate, 0), 5000);
	rate_spend(&rate, 5000);
	assert_int_equal(rate_left(&rate, 0), 0);
	assert_int_equal(rate_left(&rate, 50), 50);
	/* More than the rest came in one piece: it is paid back. */
	rate_spend(&rate, 1050);
	assert_int_equal(rate_left(&rate, 1000), 0);
	assert_int_equal(rate_left(&rate, 1100), 50);
	assert_int_equal(rate_left(&rate, 1000000), 5000);
	/* Looked at often, it loses nothing. */
	rate_spend(&rate, 5000);
	for (int ms = 1; ms <= 100; ms++)
		rate_left(&rate, 1000000 + ms);
	assert_int_equal(rate_left(&rate, 1000100), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rate)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
