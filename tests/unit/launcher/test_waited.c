/* SPDX-License-Identifier: MIT */
/* The time for which commands have waited, by words that come about every SILENCE_MS. */
#include "unit.h"

#include "domain/waited.h"
#include "relay/msg.h"

enum { NOW = 100000, S = SILENCE_MS / 1000 };

static void test_one_client(void **state)
{
	struct waited waited = {0};

	assert_int_equal(waited_seconds(&waited), 0);
	waited_add(&waited, NOW);
	assert_int_equal(waited_seconds(&waited), S);
	/* A moment early, and a moment late. */
	waited_add(&waited, NOW + SILENCE_MS - 1);
	assert_int_equal(waited_seconds(&waited), 2 * S);
	waited_add(&waited, NOW + 2 * SILENCE_MS + 1);
	assert_int_equal(waited_seconds(&waited), 3 * S);
}

static void test_two_clients(void **state)
{
	struct waited waited = {0};

	for (int n = 0; n < 5; n++) {
		waited_add(&waited, NOW + n * SILENCE_MS);
		waited_add(&waited, NOW + n * SILENCE_MS + SILENCE_MS / 4);
	}
	assert_int_equal(waited_seconds(&waited), 5 * S + S / 4);
}

/* Nobody waited in between. */
static void test_pause(void **state)
{
	struct waited waited = {0};

	waited_add(&waited, NOW);
	waited_add(&waited, NOW + 10 * SILENCE_MS);
	assert_int_equal(waited_seconds(&waited), 2 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_client),
		cmocka_unit_test(test_two_clients),
		cmocka_unit_test(test_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
