/* SPDX-License-Identifier: MIT */
/* libxl's process that saves a guest, by its arguments. */
#include "unit.h"

#include "domain/saver.h"

#define HELPER "/usr/libexec/xen/libexec/libxl-save-helper\0"

#define IS(args, guest) saver_is_of(args, sizeof(args) - 1, guest)

static void test_arguments(void **state)
{
	/* Xen 4.17 to 4.20: the stream, the guest, flags. */
	assert_true(IS(HELPER "--save-domain\0"
			      "13\0"
			      "7\0"
			      "0\0"
			      "3\0",
		       7));
	assert_false(IS(HELPER "--save-domain\0"
			       "7\0"
			       "13\0"
			       "0\0"
			       "3\0",
			7));
	assert_false(IS(HELPER "--save-domain\0"
			       "13\0"
			       "77\0"
			       "0\0"
			       "3\0",
			7));
	assert_false(IS(HELPER "--restore-domain\0"
			       "13\0"
			       "7\0"
			       "0\0"
			       "3\0",
			7));
	assert_false(IS("/bin/cat\0"
			"--save-domain\0"
			"13\0"
			"7\0",
			7));
	assert_false(IS("libxl-save-helper\0", 7));
	/* Cut short, or of a process that has none. */
	assert_false(saver_is_of("libxl-save-helper\0--save-domain\0"
				 "1\0"
				 "7",
				 35, 7));
	assert_false(saver_is_of("", 0, 7));
}

static void test_none_runs(void **state)
{
	assert_false(saver_runs(32000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_none_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
