/* SPDX-License-Identifier: MIT */
/* The kernel's report is found in a log, whatever else is in there. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "domain/evidence.h"

static void check(const char *log, const char *expected)
{
	char *report = evidence_kernel_report(log);

	if (expected) {
		assert_non_null(report);
		assert_string_equal(report, expected);
	} else {
		assert_null(report);
	}
	free(report);
}

static void test_report(void **state)
{
	check("", NULL);
	check("2026-01-31T12:00:00.000Z kernel: nub: 64 MiB\n"
	      "2026-01-31T12:00:00.000Z qemu: nub: panic: not the kernel\n"
	      "nub: panic: no source\n",
	      NULL);
	check("2026-01-31T12:00:00.000Z kernel: nub: 64 MiB\n"
	      "2026-01-31T12:00:01.000Z kernel: nub: panic: kernel page fault\n"
	      "2026-01-31T12:00:01.000Z qemu: a word between\n"
	      "2026-01-31T12:00:01.000Z kernel:   [0xffff] kthread_run+0x10\n"
	      "2026-01-31T12:00:02.000Z stubdom-dm: error: the end\n",
	      "nub: panic: kernel page fault\n  [0xffff] kthread_run+0x10\n");
	/* With kernel=linux: a time before it, and a longer word that is none. */
	check("2026-01-31T12:00:00.000Z kernel: [    0.1] DEBUG: on\n"
	      "2026-01-31T12:00:01.000Z kernel: [    1.2] BUG: unable to handle\n",
	      "[    1.2] BUG: unable to handle\n");
	/* The last line may be cut. */
	check("2026-01-31T12:00:01.000Z kernel: Oops: 0000 [#1]", "Oops: 0000 [#1]\n");
}

static void test_bound(void **state)
{
	enum { LINES = 20000 };
	static const char first[] = "T kernel: BUG: one\n", more[] = "T kernel: more\n";
	char *log = malloc(sizeof(first) + LINES * sizeof(more));
	char *at = stpcpy(log, first), *report;

	for (int i = 0; i < LINES; i++)
		at = stpcpy(at, more);
	report = evidence_kernel_report(log);
	assert_non_null(report);
	assert_true(strlen(report) < 65536 && strlen(report) > 65000);
	free(report);
	free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
