/* SPDX-License-Identifier: MIT */
/* The phases of a start, read from logs. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blame.h"
#include "cleanup.h"

#define DAY "2026-11-29T04:18:"
#define CREATING                                                                         \
	DAY "51.677Z stubdom-dm: creating plain-dm: 40 MiB, 1 disks, 1 interfaces\n"
#define RUNS                                                                             \
	DAY "54.766Z stubdom-dm: plain-dm, domain 4, runs the device model of domain 3\n"
#define START                                                                            \
	CREATING                                                                         \
	DAY "52.745Z kernel: nub: Xen PVH, 37 MiB, boot 9 ms\n" DAY                      \
	    "52.800Z kernel: another line\n" DAY                                         \
	    "52.864Z stubdom-dm: plain-dm: stage boot\n" DAY                             \
	    "52.942Z stubdom-dm: plain-dm: stage disks\n" DAY                            \
	    "53.150Z stubdom-dm: plain-dm: stage channels\n" DAY                         \
	    "54.741Z stubdom-dm: plain-dm: stage running\n" RUNS

enum { CREATED_S = 1795925931 }; /* of the line with `creating` */

static int parse(const char *text, int64_t exec_ms, int64_t build_ms, struct blame *out,
		 struct err *err)
{
	cleanup_file FILE *f = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(f);
	return blame_parse(f, exec_ms, build_ms, out, err);
}

static void check(const struct blame *b, size_t i, const char *name, int64_t from,
		  int64_t ms)
{
	assert_true(i < b->n);
	assert_string_equal(b->phases[i].name, name);
	assert_int_equal(b->phases[i].from_ms, from);
	assert_int_equal(b->phases[i].ms, ms);
}

static void test_a_start(void **state)
{
	const int64_t created = CREATED_S * 1000LL + 677;
	struct blame b;
	struct err err;

	assert_int_equal(parse(START, created - 400, created - 1400, &b, &err), 0);
	check(&b, 0, "toolstack", 0, 1000);
	check(&b, 1, "launcher", 1000, 400);
	check(&b, 2, "libxl", 1400, 1068);
	check(&b, 3, "kernel", 2468, 119);
	check(&b, 4, "boot", 2587, 78);
	check(&b, 5, "disks", 2665, 208);
	check(&b, 6, "channels", 2873, 1616);
	assert_int_equal(b.n, 7);
	assert_int_equal(b.total_ms, 4489);
	/* A process or a guest that is not of this start. */
	assert_int_equal(parse(START, created + 1, 1, &b, &err), 0);
	check(&b, 0, "libxl", 0, 1068);
	assert_int_equal(parse(START, created - 400, 1000, &b, &err), 0);
	check(&b, 0, "launcher", 0, 400);
}

/* The last start of a log counts, and it has to be whole. */
static void test_other_logs(void **state)
{
	struct blame b;
	struct err err;

	assert_int_equal(parse(START START, 0, 0, &b, &err), 0);
	assert_int_equal(b.n, 5);
	assert_int_equal(parse("", 0, 0, &b, &err), -1);
	assert_int_equal(parse(START CREATING, 0, 0, &b, &err), -1);
	assert_non_null(strstr(err.msg, "no whole start"));
	/* Words of the stub domain's own count for nothing. */
	assert_int_equal(parse(CREATING DAY
			       "52.000Z kernel: stubdom-dm: x: stage boot\n" DAY
			       "53.000Z qemu: stubdom-dm: x, domain 4, runs the "
			       "device model of domain 3\n" RUNS,
			       0, 0, &b, &err),
			 0);
	assert_int_equal(b.n, 2);
	check(&b, 1, "kernel", 323, 2766);
}

/* More stages than there can be, and a clock that was set back. */
static void test_bounds(void **state)
{
	static char text[8192];
	struct blame b;
	struct err err;

	strcpy(text, CREATING);
	for (int i = 0; i < 50; i++)
		strcat(text, DAY "50.000Z stubdom-dm: plain-dm: stage disks\n");
	strcat(text, RUNS);
	assert_int_equal(parse(text, 0, 0, &b, &err), 0);
	assert_true(b.n < BLAME_PHASES_MAX);
	for (size_t i = 0; i < b.n; i++)
		assert_true(b.phases[i].ms >= 0 && b.phases[i].from_ms >= 0);
}

static void test_forms(void **state)
{
	cleanup_free char *text = NULL;
	cleanup_json json_t *list = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct blame b;
	struct err err;

	assert_int_equal(parse(START, 0, 0, &b, &err), 0);
	list = blame_to_json(&b);
	assert_int_equal(json_array_size(list), b.n);
	assert_int_equal(blame_print(&b, f, &err), 0);
	blame_print_svg(&b, "<&\"", f);
	fclose(f);
	assert_non_null(strstr(text, "channels"));
	assert_non_null(strstr(text, "3.09 s in all"));
	assert_non_null(strstr(text, "The start of &#60;&#38;&#34;: 3.09 s"));
	assert_non_null(strstr(text, "</svg>\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_start),
		cmocka_unit_test(test_other_logs),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
