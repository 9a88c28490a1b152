/* SPDX-License-Identifier: MIT */
/* The relay's CPU: one party that floods is held back, the others are not. */
#include "unit.h"

#include "relay/budget.h"

enum { PARTIES = 10, STEP_US = 1000, SECONDS = 100 };

/* A party that always has something to do; how long it was let work, in µs. */
static int64_t flood(struct budget *budget, size_t party, bool heard, int64_t *cpu_us)
{
	int64_t worked = 0;

	for (int64_t ms = 0; ms < SECONDS * 1000; ms++) {
		if (budget_wait_ms(budget, party, heard, ms) > 0)
			continue;
		*cpu_us += STEP_US;
		worked += STEP_US;
		budget_charge(budget, party, heard, *cpu_us);
	}
	return worked;
}

static void test_one_floods(void **state)
{
	struct budget budget;
	int64_t cpu = 0;
	int64_t worked;

	assert_int_equal(budget_init(&budget, PARTIES, 0), 0);
	worked = flood(&budget, 3, true, &cpu);
	/* The common half, a tenth of the other, and what may come at once. */
	assert_in_range(worked, SECONDS * 50000, SECONDS * 55000 + 2200000);
	assert_true(budget_wait_ms(&budget, 3, true, SECONDS * 1000) > 0);
	/* Another has its own. */
	assert_int_equal(budget_wait_ms(&budget, 4, true, SECONDS * 1000), 0);
	cpu += 190000;
	budget_charge(&budget, 4, true, cpu);
	assert_int_equal(budget_wait_ms(&budget, 4, true, SECONDS * 1000), 0);
	cpu += 190000;
	budget_charge(&budget, 4, true, cpu);
	assert_true(budget_wait_ms(&budget, 4, true, SECONDS * 1000) > 0);
	assert_true(budget_wait_ms(&budget, 4, true, SECONDS * 1000) <= 1000);
	budget_free(&budget);
}

/* A party that nobody listens to takes nothing from the common half. */
static void test_unheard(void **state)
{
	struct budget budget;
	int64_t cpu = 0;

	assert_int_equal(budget_init(&budget, PARTIES, 0), 0);
	assert_in_range(flood(&budget, 3, false, &cpu), SECONDS * 5000,
			SECONDS * 5000 + 300000);
	assert_true(budget_wait_ms(&budget, 3, false, SECONDS * 1000) > 0);
	assert_int_equal(budget_wait_ms(&budget, 3, true, SECONDS * 1000), 0);
	budget_free(&budget);
}

static void test_all_flood(void **state)
{
	struct budget budget;
	int64_t worked = 0;
	int64_t cpu = 0;

	assert_int_equal(budget_init(&budget, PARTIES, 0), 0);
	for (int64_t ms = 0; ms < SECONDS * 1000; ms++) {
		for (size_t i = 0; i < PARTIES; i++) {
			if (budget_wait_ms(&budget, i, true, ms) > 0)
				continue;
			cpu += STEP_US;
			worked += STEP_US;
			budget_charge(&budget, i, true, cpu);
		}
	}
	assert_in_range(worked, SECONDS * 90000,
			SECONDS * 1000 * BUDGET_PERMILLE + 2200000 + PARTIES * 200000);
	budget_free(&budget);
}

/* A party that rests has everything again. */
static void test_rest(void **state)
{
	struct budget budget;
	int64_t cpu = 0;

	assert_int_equal(budget_init(&budget, 1, 0), 0);
	flood(&budget, 0, true, &cpu);
	assert_true(budget_wait_ms(&budget, 0, true, SECONDS * 1000) > 0);
	assert_int_equal(budget_wait_ms(&budget, 0, true, 2 * SECONDS * 1000), 0);
	cpu += (BUDGET_OWN_MS + BUDGET_COMMON_MS / 2) * 1000;
	budget_charge(&budget, 0, true, cpu);
	assert_int_equal(budget_wait_ms(&budget, 0, true, 2 * SECONDS * 1000), 0);
	budget_free(&budget);
}

/* The start's time is nobody's, nor is that of a bounded transfer. */
static void test_nobodys(void **state)
{
	struct budget budget;

	assert_int_equal(budget_init(&budget, PARTIES, 5000000), 0);
	budget_charge(&budget, 0, false, 5000000 + 100000);
	assert_int_equal(budget_wait_ms(&budget, 0, false, 0), 0);
	budget_skip(&budget, 15000000);
	budget_charge(&budget, 0, true, 15000000 + 100000);
	assert_int_equal(budget_wait_ms(&budget, 0, false, 0), 0);
	assert_int_equal(budget_wait_ms(&budget, 0, true, 0), 0);
	budget_free(&budget);
}

/* Parties that somebody listens to have the common time in turn with the others. */
static void test_common(void **state)
{
	struct budget budget;
	int64_t cpu = 0;

	assert_int_equal(budget_init(&budget, PARTIES, 0), 0);
	/* The reserve of its own is not touched while there is common time. */
	cpu += BUDGET_COMMON_MS * 1000 - 1;
	budget_charge(&budget, 0, true, cpu);
	assert_int_equal(budget_wait_ms(&budget, 0, true, 0), 0);
	cpu += BUDGET_OWN_MS * 1000;
	budget_charge(&budget, 0, true, cpu);
	assert_int_equal(budget_wait_ms(&budget, 0, true, 0), 0);
	cpu += BUDGET_OWN_MS * 1000;
	budget_charge(&budget, 0, true, cpu);
	assert_true(budget_wait_ms(&budget, 0, true, 0) > 0);
	assert_int_equal(budget_wait_ms(&budget, 1, true, 0), 0);
	budget_free(&budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_floods), cmocka_unit_test(test_unheard),
		cmocka_unit_test(test_all_flood),  cmocka_unit_test(test_rest),
		cmocka_unit_test(test_nobodys),	   cmocka_unit_test(test_common),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
