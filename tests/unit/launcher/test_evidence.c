/* SPDX-License-Identifier: MIT */
/* The kernel's report is found in a log, whatever else is in there. */
#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool tells_when_made(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, 0, STATX_BTIME, &st) == 0 &&
	       (st.stx_mask & STATX_BTIME);
}

static void check_log(const char *path, const char *expected)
{
	int fd = open(path, O_RDONLY);
	char *text = evidence_read_log(fd);

	assert_string_equal(text, expected);
	free(text);
	close(fd);
}

/* Before the log was bounded, the lines went to FILE.old. */
static void test_log_goes_back_to_the_old_one(void **state)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char dir[] = "/tmp/test-evidence-XXXXXX", path[64], old[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(old, sizeof(old), "%s/log.old", dir);
	unit_write_file(dir, "log", "c\nd\n");
	check_log(path, "c\nd\n");
	unit_write_file(dir, "log.old", "a\nb\n");
	check_log(path, tells_when_made(path) ? "a\nb\nc\nd\n" : "c\nd\n");
	/* That of an earlier life. */
	assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
	check_log(path, "c\nd\n");
	unlink(old);
	unlink(path);
	rmdir(dir);
}

static void test_log_is_cut_at_a_line(void **state)
{
	enum { LINES = 30000 };
	char dir[] = "/tmp/test-evidence-XXXXXX", path[64];
	char *long_log = malloc(LINES * 10 + 1), *text;
	int fd;

	for (int i = 0; i < LINES; i++)
		strcpy(long_log + (size_t)i * 10, "123456789\n");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	unit_write_file(dir, "log", long_log);
	fd = open(path, O_RDONLY);
	text = evidence_read_log(fd);
	assert_int_equal(strlen(text), 262140);
	assert_memory_equal(text, "123456789\n", 10);
	assert_null(evidence_read_log(-1));
	close(fd);
	free(text);
	free(long_log);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_log_goes_back_to_the_old_one),
		cmocka_unit_test(test_log_is_cut_at_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
