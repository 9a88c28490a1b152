/* SPDX-License-Identifier: MIT */
/* A file out of a hostile stub domain: whole or not at all, within its bound. */
#include "unit.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relay/save.h"

static struct relay_save save;
static int file;

static int set_up(void **state)
{
	file = memfd_create("saved", 0);
	relay_save_start(&save, file, 100);
	return file < 0;
}

static int tear_down(void **state)
{
	relay_save_stop(&save);
	close(file);
	return 0;
}

static void take(const char *bytes, size_t len)
{
	relay_save_take(&save, bytes, len);
}

static void test_whole(void **state)
{
	char got[10];

	/* In pieces, the length cut, too. */
	take("\x05\0\0", 3);
	take("\0\0\0\0\0he", 7);
	take("llo", 3);
	assert_false(save.done);
	relay_save_end(&save);
	assert_true(save.done && !save.failed);
	assert_int_equal(pread(file, got, sizeof(got), 0), 5);
	assert_memory_equal(got, "hello", 5);
}

/* Behind what has arrived whole, and nothing else. */
static void test_added(void **state)
{
	char got[10];

	take("\x05\0\0\0\0\0\0\0hello", 13);
	relay_save_add(&save, "early", 5);
	relay_save_end(&save);
	relay_save_add(&save, "!!", 2);
	assert_true(save.done && !save.failed);
	assert_int_equal(pread(file, got, sizeof(got), 0), 7);
	assert_memory_equal(got, "hello!!", 7);
}

static void test_empty(void **state)
{
	take("\0\0\0\0\0\0\0\0", 8);
	relay_save_end(&save);
	assert_true(save.done && !save.failed);
}

static void test_cut_off(void **state)
{
	take("\x05\0\0\0\0\0\0\0hell", 12);
	relay_save_end(&save);
	relay_save_add(&save, "!!", 2);
	assert_int_equal(lseek(file, 0, SEEK_END), 4);
	assert_true(save.failed);
	assert_string_equal(save.why, "the stub domain's file did not arrive whole");
}

static void test_no_length(void **state)
{
	take("\0\0\0", 3);
	relay_save_end(&save);
	assert_true(save.failed);
}

static void test_more_than_said(void **state)
{
	take("\x05\0\0\0\0\0\0\0hello!", 14);
	assert_true(save.done && save.failed);
	relay_save_end(&save);
	assert_string_equal(save.why, "the stub domain sent more than its file");
}

static void test_more_than_allowed(void **state)
{
	take("\x65\0\0\0\0\0\0\0", 8);
	assert_true(save.done && save.failed);
	/* Later bytes go nowhere. */
	take("hello", 5);
	assert_int_equal(lseek(file, 0, SEEK_END), 0);
	take("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	assert_int_equal(lseek(file, 0, SEEK_END), 0);
}

static void test_full_disk(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	relay_save_stop(&save);
	relay_save_start(&save, full, 100);
	take("\x05\0\0\0\0\0\0\0hello", 13);
	assert_true(save.failed);
	assert_string_equal(save.why,
			    "writing the file in dom0: No space left on device");
	close(full);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_whole),	   T(test_empty),	   T(test_cut_off),
		T(test_no_length), T(test_more_than_said), T(test_more_than_allowed),
		T(test_full_disk), T(test_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
