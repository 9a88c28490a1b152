/* SPDX-License-Identifier: MIT */
/* Names are followed through folders that another user can change only with care. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trusted_path.h"

enum { STRANGER = 12345 };

static char dir[] = "/tmp/test_trusted_path.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make(const char *name, bool folder, mode_t mode, uid_t owner)
{
	const char *path = path_of(name);

	if (folder)
		assert_int_equal(mkdir(path, 0700), 0);
	else
		close(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600));
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(chown(path, owner, owner), 0);
}

static void make_link(const char *name, const char *target, uid_t owner)
{
	assert_int_equal(symlink(target, path_of(name)), 0);
	assert_int_equal(lchown(path_of(name), owner, owner), 0);
}

static int set_up(void **state)
{
	char *made = mkdtemp(dir);

	assert_non_null(made);
	make("mine", true, 0755, 0);
	make("mine/file", false, 0644, 0);
	make("mine/open", false, 0664, 0);
	make("mine/theirs", false, 0600, STRANGER);
	make("theirs", true, 0755, STRANGER);
	make("theirs/file", false, 0644, 0);
	make("theirs/mine", true, 0755, 0);
	make("theirs/mine/file", false, 0644, 0);
	make("group", true, 0775, 0);
	make("group/file", false, 0644, 0);
	make("sticky", true, 01777, 0);
	make("sticky/file", false, 0644, 0);
	make("sticky/theirs", true, 0755, STRANGER);
	make_link("by_root", "mine/file", 0);
	make_link("by_stranger", "mine", STRANGER);
	make_link("loop", "loop", 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void check(const char *name, const char *says)
{
	struct err err = {0};
	int rc = trusted_path_check(path_of(name), &err);

	if (!says && rc < 0)
		fail_msg("%s: %s", name, err.msg);
	if (says && (rc == 0 || !strstr(err.msg, says)))
		fail_msg("%s: '%s' does not say '%s'", name, err.msg, says);
}

static void test_check(void **state)
{
	check("mine", NULL);
	check("mine/file", NULL);
	check("by_root", NULL); /* and what it leads to */
	check("sticky/file", NULL);
	check("mine/open", "others than root can change it");
	check("mine/theirs", "others than root can change it");
	check("theirs", "others than root can change it");
	check("theirs/file", "the folder 'theirs'");
	check("theirs/mine/file", "the folder 'theirs'");
	check("group/file", "the folder 'group'");
	check("sticky", "others than root can change it");
	check("by_stranger/file", "by_stranger is a link that another user has made");
	check("loop", "Too many levels");
	check("gone", "No such file");
	check("mine/file/x", "folder file: Not a directory");
}

static void open_at(const char *name, bool follow, struct trusted_path *at)
{
	struct err err = {0};

	if (trusted_path_open(path_of(name), follow, at, &err) < 0)
		fail_msg("%s: %s", name, err.msg);
	close(at->dir);
}

static void test_open(void **state)
{
	struct trusted_path at;
	struct err err;

	open_at("mine/new", false, &at);
	assert_string_equal(at.name, "new");
	assert_false(at.foreign || at.sticky);
	open_at("theirs/new", false, &at);
	assert_true(at.foreign);
	assert_string_equal(at.weak, "theirs");
	open_at("sticky/new", false, &at);
	assert_false(at.foreign);
	assert_true(at.sticky);
	open_at("sticky/theirs/new", false, &at);
	assert_true(at.foreign && !at.sticky);
	open_at("by_root", false, &at);
	assert_string_equal(at.name, "by_root");
	open_at("by_root", true, &at);
	assert_string_equal(at.name, "file");
	/* A stranger's is not followed, but the link itself may be looked at. */
	open_at("by_stranger", false, &at);
	assert_int_equal(trusted_path_open(path_of("by_stranger"), true, &at, &err), -1);
	assert_int_equal(at.dir, -1);
	assert_int_equal(trusted_path_open("", false, &at, &err), -1);
	assert_int_equal(trusted_path_open("/", false, &at, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_open),
	};

	if (geteuid() != 0) {
		puts("not root: files of another user cannot be made");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
