/* SPDX-License-Identifier: MIT */
/* Whether a disk has taken what was on its way to it, by sysfs. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "domain/disk_settle.h"

static char root[] = "/tmp/test-disk-settle-XXXXXX";

static bool is_settled_with(const char *inflight)
{
	char path[256];
	bool settled;

	unit_write_file(root, "dev/block/7:300/inflight", inflight);
	settled = disk_is_settled(root, makedev(7, 300));
	snprintf(path, sizeof(path), "%s/dev/block/7:300/inflight", root);
	unlink(path);
	return settled;
}

static void test_counts(void **state)
{
	/* As the kernel writes it. */
	assert_true(is_settled_with("       0        0\n"));
	assert_false(is_settled_with("       1        0\n"));
	assert_false(is_settled_with("       0       12\n"));
}

/* In a folder of the device's, or above it. */
static bool counts_with(const char *queue, const char *iostats)
{
	char folder[200], path[256];
	bool counts;

	snprintf(folder, sizeof(folder), "%s/dev/block/%s", root, queue);
	snprintf(path, sizeof(path), "%s/iostats", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	unit_write_file(folder, "iostats", iostats);
	counts = disk_counts(root, makedev(7, 300));
	unlink(path);
	rmdir(folder);
	return counts;
}

static void test_whether_it_counts(void **state)
{
	assert_true(counts_with("7:300/queue", "1\n"));
	assert_false(counts_with("7:300/queue", "0\n"));
	/* A partition is a folder in its disk's. */
	assert_true(counts_with("queue", "1\n"));
	assert_false(counts_with("queue", "0\n"));
	assert_false(disk_counts(root, makedev(7, 300)));
}

static void test_no_counts(void **state)
{
	assert_true(disk_is_settled(root, makedev(7, 300)));
	assert_true(is_settled_with(""));
}

static int make_root(void **state)
{
	char path[256];

	assert_non_null(mkdtemp(root));
	for (const char *const *part = (const char *const[]){"/dev", "/dev/block",
							     "/dev/block/7:300", NULL};
	     *part; part++) {
		snprintf(path, sizeof(path), "%s%s", root, *part);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	return 0;
}

static int remove_root(void **state)
{
	char path[256];

	for (const char *const *part =
		     (const char *const[]){"/dev/block/7:300", "/dev/block", "/dev", "",
					   NULL};
	     *part; part++) {
		snprintf(path, sizeof(path), "%s%s", root, *part);
		rmdir(path);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_whether_it_counts),
		cmocka_unit_test(test_no_counts),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
