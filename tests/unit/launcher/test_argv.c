/* SPDX-License-Identifier: MIT */
/* The command line's outer shape: bounds, arguments that are no text, quotes in
 * errors. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "plan/argv.h"
#include "plan/plan.h"

static void check_refused(int argc, char **argv, const char *says)
{
	struct args args;
	struct err err;

	assert_int_equal(args_split(argc, argv, &args, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, says));
	assert_null(args.list);
}

static void test_split(void **state)
{
	char *argv[] = {(char *)"dm", (char *)"-S", (char *)"--name", (char *)"-S",
			(char *)"-S"};
	struct args args;
	struct err err;

	assert_int_equal(args_split(5, argv, &args, &err), 0);
	assert_int_equal(args.n, 3);
	assert_string_equal(args.list[1].value, "-S");
	assert_int_equal(args.list[1].index, 2);
	assert_ptr_equal(args_find(&args, "S"), &args.list[0]);
	assert_null(args_find(&args, "vnc"));
	args_free(&args);
	assert_int_equal(args_split(1, argv, &args, &err), 0);
	assert_int_equal(args.n, 0);
	args_free(&args);
}

static void test_not_text(void **state)
{
	char *argv[] = {(char *)"dm", (char *)"-name", (char *)"a\xff"};

	check_refused(3, argv, "argument 2, 'a");
	check_refused(3, argv, "not UTF-8 text");
}

static void test_bounds(void **state)
{
	size_t size = ARGV_BYTES_MAX / 2;
	char *big = malloc(size + 1);
	char **argv = calloc(ARGV_MAX + 1, sizeof(*argv));

	for (int i = 0; i <= ARGV_MAX; i++)
		argv[i] = (char *)"-S";
	check_refused(ARGV_MAX + 1, argv, "more than 4096 arguments");
	memset(big, 'a', size);
	big[size] = '\0';
	argv[1] = argv[3] = (char *)"-name";
	argv[2] = argv[4] = big;
	check_refused(5, argv, "the arguments are longer than 1048576 bytes");
	free(big);
	free(argv);
}

/* A long value is cut in the message; the path's own bound is said. */
static void test_long_path(void **state)
{
	static char drive[5200] = "file=/";
	char *argv[] = {(char *)"dm",	       (char *)"-xen-domid", (char *)"1",
			(char *)"-nodefaults", (char *)"-drive",     drive};
	struct stubopt options;
	struct args args;
	struct plan plan;
	struct err err;

	memset(drive + 6, 'p', 5000);
	stubopt_init(&options);
	assert_int_equal(args_split(6, argv, &args, &err), 0);
	assert_int_equal(plan_build(&args, &options, &plan, &err), -1);
	args_free(&args);
	assert_non_null(strstr(err.msg, "pppp...': the path is longer than 4095 bytes"));
	assert_true(strlen(err.msg) < 300);
	stubopt_free(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_not_text),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
