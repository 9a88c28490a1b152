/* SPDX-License-Identifier: MIT */
/* The watchdog looks only while somebody waits, tells in turn, and takes it back. */
#include "unit.h"

#include "relay/silence.h"

enum { NOW = 1000000 };

static void test_nobody_waits(void **state)
{
	struct silence silence = {0};

	assert_int_equal(silence_step(&silence, false, false, NOW), SILENCE_NO_NEWS);
	assert_int_equal(silence_timeout(&silence, NOW), -1);
	assert_int_equal(silence_step(&silence, false, false, NOW + 10 * SILENCE_MS),
			 SILENCE_NO_NEWS);
}

static void test_it_answers(void **state)
{
	struct silence silence = {0};

	assert_int_equal(silence_step(&silence, true, false, NOW), SILENCE_NO_NEWS);
	assert_int_equal(silence_timeout(&silence, NOW + 1), SILENCE_MS - 1);
	assert_int_equal(silence_step(&silence, false, true, NOW + 2), SILENCE_ENDS);
	assert_int_equal(silence_timeout(&silence, NOW + 3), -1);
}

static void test_it_does_not(void **state)
{
	struct silence silence = {0};
	int64_t late = NOW + SILENCE_MS;

	silence_step(&silence, true, false, NOW);
	assert_int_equal(silence_step(&silence, true, false, late - 1), SILENCE_NO_NEWS);
	assert_int_equal(silence_timeout(&silence, late), 0);
	assert_int_equal(silence_step(&silence, true, false, late), SILENCE_HOLDS);
	/* Again, after as long a time. */
	assert_int_equal(silence_step(&silence, true, false, late + 1), SILENCE_NO_NEWS);
	assert_int_equal(silence_timeout(&silence, late + 1), SILENCE_MS - 1);
	late += SILENCE_MS;
	assert_int_equal(silence_step(&silence, true, false, late), SILENCE_HOLDS);
	/* A word, though another command still waits: the time begins anew. */
	assert_int_equal(silence_step(&silence, true, true, late + 2), SILENCE_ENDS);
	assert_int_equal(silence_timeout(&silence, late + 2), SILENCE_MS);
}

/* The client gives up; that is no word of QEMU's. */
static void test_client_goes(void **state)
{
	struct silence silence = {0};

	silence_step(&silence, true, false, NOW);
	silence_step(&silence, true, false, NOW + SILENCE_MS);
	assert_int_equal(silence_step(&silence, false, false, NOW + SILENCE_MS + 1),
			 SILENCE_NO_NEWS);
	assert_int_equal(silence_timeout(&silence, NOW + SILENCE_MS + 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_waits),
		cmocka_unit_test(test_it_answers),
		cmocka_unit_test(test_it_does_not),
		cmocka_unit_test(test_client_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
