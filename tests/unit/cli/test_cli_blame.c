/* SPDX-License-Identifier: MIT */
/* The phases of a start: words of the stub domain, and other logs than those of a whole start. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blame.h"
#include "cleanup.h"

#define AT "2026-01-02T03:04:"
#define CALLED                                                                           \
	AT "05.000Z stubdom-dm: called by xl, process 12, 2500 ms after its start and "  \
	   "100 ms after this program's\n"
#define CREATING AT "05.400Z stubdom-dm: creating s1-dm: 40 MiB, 1 disks, 1 interfaces\n"
#define UNPAUSED AT "06.500Z stubdom-dm: unpaused s1-dm, domain 8\n"
#define STAGES                                                                           \
	AT "06.900Z agent: stage boot after 90 ms\n" AT                                  \
	   "06.901Z agent: stage disks after 100 ms\n" AT                                \
	   "06.902Z agent: stage net after 200 ms\n" AT                                  \
	   "06.903Z agent: stage qemu after 250 ms\n" AT                                 \
	   "07.520Z agent: stage running after 1000 ms\n" AT                             \
	   "07.521Z agent: QEMU was linked after 650 ms; 3 channels took 40 ms, 7 "      \
	   "answers of xenstore 12 ms\n"
#define TOLD AT "07.600Z stubdom-dm: s1-dm, domain 8, runs the device model of domain 7\n"
#define RETURNED AT "09.100Z stubdom-dm: the toolstack has returned\n"
#define START CALLED CREATING UNPAUSED STAGES TOLD RETURNED

#define REPLACED(pause, check)                                                           \
	AT "19.000Z stubdom-dm: replaced: stub=9 pause_ms=" pause " check_ms=" check     \
	   " build_ms=1 boot_ms=2 save_ms=3 load_ms=4 switch_ms=5 end_ms=6\n"

static const struct blame_builds nothing;

static int parse_built(const char *text, const struct blame_builds *builds,
		       struct blame *out)
{
	cleanup_file FILE *f = fmemopen((void *)text, strlen(text), "r");
	struct err err;

	assert_non_null(f);
	return blame_read(f, builds, out, &err);
}

static int parse(const char *text, struct blame *out)
{
	return parse_built(text, &nothing, out);
}

static long long took(const struct blame *blame, const char *name)
{
	struct blame_phase all[BLAME_POINTS];
	const size_t n = blame_phases(blame, all);

	for (size_t i = 0; i < n; i++) {
		assert_true(all[i].ms >= 0);
		if (i > 0)
			assert_int_equal(all[i].from_ms,
					 all[i - 1].from_ms + all[i - 1].ms);
		if (strcmp(all[i].name, name) == 0)
			return all[i].ms;
	}
	return -1;
}

static void test_other_logs(void **state)
{
	struct blame b;

	assert_int_equal(parse("", &b), -1);
	assert_int_equal(parse(AT "05.000Z qemu: hello\nno line\n", &b), -1);
	/* Words of the stub domain's own begin and end nothing. */
	assert_int_equal(parse(AT "05.400Z qemu: stubdom-dm: creating s1-dm: 40\n", &b),
			 -1);
	assert_int_equal(parse(CREATING AT
			       "05.900Z qemu: s1-dm, domain 8, runs the device model of "
			       "domain 7\n",
			       &b),
			 0);
	assert_false(blame_is_whole(&b));
	/* The last start counts. */
	assert_int_equal(parse(START CALLED CREATING, &b), 0);
	assert_false(blame_is_whole(&b));
	assert_int_equal(parse(START, &b), 0);
	assert_true(blame_is_whole(&b));
	assert_int_equal(took(&b, "launcher"), 100);
	assert_int_equal(took(&b, "linking"), 400);
	assert_int_equal(took(&b, "return"), 1500);
	/* A daemon's end is no part of the start. */
	assert_int_equal(parse(CALLED CREATING UNPAUSED STAGES TOLD
			       "2026-01-02T06:00:00.000Z stubdom-dm: the toolstack has "
			       "returned\n",
			       &b),
			 0);
	assert_true(blame_is_whole(&b));
	assert_int_equal(took(&b, "return"), -1);
	assert_int_equal(took(&b, "report"), 80);
}

/* xenstore tells of the stub domain of now only. */
static void test_replaced(void **state)
{
	const struct blame_builds builds = {.stub_ms = 1767323046000};
	const struct blame_builds later = {.stub_ms = 1767323100000};
	struct blame b;

	assert_int_equal(parse_built(START, &builds, &b), 0);
	assert_int_equal(took(&b, "libxl"), 600);
	assert_int_equal(took(&b, "build"), 500);
	assert_int_equal(parse_built(START, &later, &b), 0);
	assert_int_equal(took(&b, "build"), -1);
	assert_int_equal(took(&b, "libxl"), 1100);
	assert_int_equal(took(&b, "return"), 1500);
	assert_false(b.replace.known);
	assert_int_equal(parse(START REPLACED("970", "61") REPLACED("812", "72"), &b), 0);
	assert_true(b.replace.known);
	assert_int_equal(b.replace.pause_ms, 812);
	assert_int_equal(b.replace.ms[0], 72);
	assert_int_equal(b.replace.ms[6], 6);
	assert_int_equal(parse(START REPLACED("812", "72") START, &b), 0);
	assert_false(b.replace.known);
}

/* Its words move no moment of dom0's, and none of its own out of them. */
static void test_hostile_words(void **state)
{
	static const char *const words[] = {
		"stage boot after 99999999999999999999 ms",
		"stage disks after -5 ms",
		"stage net after 3599999 ms",
		"stage qemu after 0 ms",
		"stage running after 1 ms\nagent: stage running after 9 ms",
		"stage aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa after 9 ms",
		"called by xl, process 1, 5 ms after its start and 1 ms after this "
		"program's",
		"QEMU was linked after 9999999 ms; 4294967295 channels took -1 ms, 7 "
		"answers of xenstore 5 ms",
	};
	static const char *const dom0s[] = {"toolstack", "launcher", "checks", "libxl",
					    "return"};
	struct blame good, bad;

	assert_int_equal(parse(START, &good), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cleanup_free char *text = NULL;

		assert_true(asprintf(&text,
				     CALLED CREATING UNPAUSED AT
				     "06.600Z agent: %s\n" STAGES TOLD RETURNED,
				     words[i]) > 0);
		assert_int_equal(parse(text, &bad), 0);
		for (size_t k = 0; k < sizeof(dom0s) / sizeof(dom0s[0]); k++)
			assert_int_equal(took(&good, dom0s[k]), took(&bad, dom0s[k]));
		assert_int_equal(bad.at[BLAME_RETURN], good.at[BLAME_RETURN]);
		for (int p = BLAME_KERNEL; p < BLAME_RETURN; p++)
			assert_true(!bad.at[p] || (bad.at[p] >= bad.at[BLAME_UNPAUSED] &&
						   bad.at[p] <= bad.at[BLAME_RETURN]));
	}
}

static void test_picture(void **state)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct blame b;

	assert_int_equal(parse(START, &b), 0);
	blame_print_svg(&b, "<&\"", f);
	fclose(f);
	assert_non_null(strstr(text, "The start of &#60;&#38;&#34;: 6.600 s"));
	assert_non_null(strstr(text, "</svg>\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_logs),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_hostile_words),
		cmocka_unit_test(test_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
