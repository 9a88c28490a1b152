/* SPDX-License-Identifier: MIT */
/* Locks on disks: a writer alone, readers together, until the last copy is closed. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "domain/disk_lock.h"

static char path[] = "/tmp/test_disk_lock.XXXXXX";

static int make(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int drop(void **state)
{
	return unlink(path);
}

static int take(bool readonly, int *fd)
{
	struct err err;

	*fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	assert_true(*fd >= 0);
	return disk_lock(*fd, readonly, &err);
}

static void test_two(void **state)
{
	static const struct {
		bool first_reads, second_reads;
		int second;
	} cases[] = {
		{false, false, 1}, {false, true, 1}, {true, false, 1}, {true, true, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int a, b;

		assert_int_equal(take(cases[i].first_reads, &a), 0);
		assert_int_equal(take(cases[i].second_reads, &b), cases[i].second);
		close(b);
		close(a);
		/* Nothing stays of either. */
		assert_int_equal(take(false, &a), 0);
		close(a);
	}
}

/* A refused one must not be in the way of the next. */
static void test_refused_keeps_nothing(void **state)
{
	int a, b, c;

	assert_int_equal(take(true, &a), 0);
	assert_int_equal(take(false, &b), 1);
	assert_int_equal(take(true, &c), 0);
	close(a);
	close(b);
	close(c);
}

static void test_copies_hold_it(void **state)
{
	int a, b, copy;

	assert_int_equal(take(false, &a), 0);
	copy = dup(a);
	close(a);
	assert_int_equal(take(false, &b), 1);
	close(b);
	close(copy);
	assert_int_equal(take(false, &b), 0);
	close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_refused_keeps_nothing),
		cmocka_unit_test(test_copies_hold_it),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
