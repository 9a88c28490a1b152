/* SPDX-License-Identifier: MIT */
/* The folder of crash evidence stays bounded, and nobody else writes to it. */
#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash_dir.h"

enum { NOON = 1769860800 }; /* 2026-01-31T12:00:00Z */

static char top[64];
static char path[128];

static int set_up(void **state)
{
	strcpy(top, "/tmp/test_crash_dir.XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/crash", top);
	return 0;
}

static int drop(void **state)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command) == 0 ? 0 : -1;
}

static void add_files(const char *guest, time_t when, const char *expected, bool core)
{
	char name[CRASH_NAME_MAX];
	struct crash_dir dir;
	struct err err;
	int fd = crash_dir_begin(&dir, path, &err);
	int file;

	if (fd < 0)
		fail_msg("%s", err.msg);
	file = openat(fd, CRASH_FILE_FACTS, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(file >= 0);
	close(file);
	if (core)
		assert_int_equal(mknodat(fd, CRASH_FILE_CORE, S_IFREG | 0600, 0), 0);
	close(fd);
	assert_int_equal(crash_dir_commit(&dir, guest, when, name, &err), 0);
	if (expected)
		assert_string_equal(name, expected);
	crash_dir_close(&dir);
}

static void add(const char *guest, time_t when, const char *expected)
{
	add_files(guest, when, expected, false);
}

static void open_dir(struct crash_dir *dir)
{
	struct err err;

	if (crash_dir_open(dir, path, &err) < 0)
		fail_msg("%s", err.msg);
}

static void test_missing_folder_is_empty(void **state)
{
	struct crash_dir dir;

	open_dir(&dir);
	assert_int_equal(dir.n, 0);
	crash_dir_close(&dir);
}

static void test_names_and_order(void **state)
{
	struct crash_dir dir;
	struct stat st;

	add("win-b", NOON + 1, "win-b-20260131T120001Z");
	add("win", NOON + 2, "win-20260131T120002Z");
	add("win", NOON + 2, "win-20260131T120002Z.1");
	add("../a/\n", NOON, "_._a__-20260131T120000Z");
	unit_write_file(path, "README", "not ours");
	assert_int_equal(mkdir(strcat(strcpy((char[160]){0}, path), "/win-2026"), 0700),
			 0);
	open_dir(&dir);
	assert_int_equal(dir.n, 4);
	assert_string_equal(dir.names[0], "_._a__-20260131T120000Z");
	assert_string_equal(dir.names[1], "win-b-20260131T120001Z");
	assert_string_equal(dir.names[3], "win-20260131T120002Z.1");
	assert_int_equal(crash_dir_count(&dir, "win", NOON), 2);
	assert_int_equal(crash_dir_count(&dir, "win", NOON + 3), 0);
	assert_int_equal(crash_dir_count(&dir, "win-b", NOON), 1);
	crash_dir_close(&dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_the_oldest_go(void **state)
{
	struct crash_dir dir;
	char guest[16];

	for (int i = 0; i < CRASH_DIR_GUEST_MAX + 3; i++)
		add("one", NOON + i, NULL);
	open_dir(&dir);
	assert_int_equal(dir.n, CRASH_DIR_GUEST_MAX);
	assert_string_equal(dir.names[0], "one-20260131T120003Z");
	crash_dir_close(&dir);
	for (int i = 0; i < CRASH_DIR_MAX + 5; i++) {
		snprintf(guest, sizeof(guest), "g%d", i);
		add(guest, NOON + 100 + i, NULL);
	}
	open_dir(&dir);
	assert_int_equal(dir.n, CRASH_DIR_MAX);
	assert_string_equal(dir.names[0], "g5-20260131T120145Z");
	crash_dir_close(&dir);
}

/* A full folder gives up what the guest has too many of, and nothing of another's. */
static void test_its_own_go_first(void **state)
{
	struct crash_dir dir;
	char guest[16];

	for (int i = 0; i < CRASH_DIR_MAX; i++) {
		snprintf(guest, sizeof(guest), "g%d", i);
		add(i < CRASH_DIR_MAX - CRASH_DIR_GUEST_MAX ? guest : "often", NOON + i,
		    NULL);
	}
	add("often", NOON + 100, NULL);
	open_dir(&dir);
	assert_int_equal(dir.n, CRASH_DIR_MAX);
	assert_string_equal(dir.names[0], "g0-20260131T120000Z");
	assert_string_equal(dir.names[CRASH_DIR_MAX - 1], "often-20260131T120140Z");
	crash_dir_close(&dir);
}

/* Cores are large: fewer of them are kept, of all guests. */
static void test_the_oldest_cores_go(void **state)
{
	enum { N = CRASH_DIR_CORES_MAX + 3 };
	struct crash_dir dir;
	char guest[16];

	for (int i = 0; i < N; i++) {
		snprintf(guest, sizeof(guest), "g%d", i);
		add_files(guest, NOON + i, NULL, true);
	}
	add("none", NOON + N, NULL);
	open_dir(&dir);
	assert_int_equal(dir.n, N + 1);
	for (int i = 0; i < N; i++) {
		char core[CRASH_NAME_MAX + 8];

		snprintf(core, sizeof(core), "%s/" CRASH_FILE_CORE, dir.names[i]);
		assert_int_equal(faccessat(dir.fd, core, F_OK, 0),
				 i < N - CRASH_DIR_CORES_MAX ? -1 : 0);
	}
	crash_dir_close(&dir);
}

static void test_half_written_goes(void **state)
{
	struct crash_dir dir;
	struct err err;

	close(crash_dir_begin(&dir, path, &err));
	crash_dir_close(&dir);
	open_dir(&dir);
	assert_int_equal(dir.n, 0);
	crash_dir_close(&dir);
	add("next", NOON, "next-20260131T120000Z");
}

static void test_abandoned_leaves_the_old_alone(void **state)
{
	char half[160];
	struct crash_dir dir;
	struct err err;
	int fd;

	for (int i = 0; i < CRASH_DIR_GUEST_MAX; i++)
		add("full", NOON + i, NULL);
	fd = crash_dir_begin(&dir, path, &err);

	assert_true(fd >= 0);
	assert_int_equal(mknodat(fd, CRASH_FILE_LOG, S_IFREG | 0600, 0), 0);
	close(fd);
	snprintf(half, sizeof(half), "%s/.new", path);
	assert_int_equal(access(half, F_OK), 0);
	crash_dir_abandon(&dir);
	assert_int_equal(access(half, F_OK), -1);
	crash_dir_close(&dir);
	open_dir(&dir);
	assert_int_equal(dir.n, CRASH_DIR_GUEST_MAX);
	crash_dir_close(&dir);
}

static void test_others_may_not_write(void **state)
{
	struct crash_dir dir;
	struct err err;

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(crash_dir_open(&dir, path, &err), -1);
	assert_non_null(strstr(err.msg, "chmod 700"));
	assert_int_equal(crash_dir_begin(&dir, path, &err), -1);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(crash_dir_begin(&dir, path, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_missing_folder_is_empty, set_up,
						drop),
		cmocka_unit_test_setup_teardown(test_names_and_order, set_up, drop),
		cmocka_unit_test_setup_teardown(test_the_oldest_go, set_up, drop),
		cmocka_unit_test_setup_teardown(test_its_own_go_first, set_up, drop),
		cmocka_unit_test_setup_teardown(test_the_oldest_cores_go, set_up, drop),
		cmocka_unit_test_setup_teardown(test_half_written_goes, set_up, drop),
		cmocka_unit_test_setup_teardown(test_abandoned_leaves_the_old_alone,
						set_up, drop),
		cmocka_unit_test_setup_teardown(test_others_may_not_write, set_up, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
