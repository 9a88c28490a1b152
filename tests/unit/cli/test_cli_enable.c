/* SPDX-License-Identifier: MIT */
/* 'stubdom enable' on files of the test's own, with a dpkg-divert that keeps one line. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enable.h"

enum { CYCLES = 40 };

static char dir[] = "/tmp/test_enable.XXXXXX";
static char path[64], diverted[64], fresh[64], divert[64], book[64], broken[64];
static struct enable_paths paths = {path, diverted, "/opt/select", divert};

/* dpkg-divert's answers; the diversion is "PACKAGE DIVERTED", in the file `book`. */
static const char script[] =
	"#!/bin/sh\n"
	"book=${0%/*}/book\n"
	"case $1 in\n"
	"--listpackage) sed 's/ .*//' \"$book\" 2>/dev/null; exit 0 ;;\n"
	"--truename) if [ -s \"$book\" ]; then sed 's/.* //' \"$book\"; else echo \"$2\"; fi; exit ;;\n"
	"esac\n"
	"[ \"$1 $2 $4 $6\" = '--quiet --package --divert --no-rename' ] || exit 9\n"
	"[ -e \"${0%/*}/broken\" ] && { [ \"$(cat \"${0%/*}/broken\")\" = \"$7\" ] && exit 2; }\n"
	"case $7 in\n"
	"--add) echo \"$3 $5\" >\"$book\" ;;\n"
	"--remove) rm \"$book\" ;;\n"
	"esac\n";

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(name, mode), 0);
}

static void join(char *out, const char *name)
{
	snprintf(out, 64, "%s/%s", dir, name);
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	join(path, "qemu");
	join(diverted, "qemu.distrib");
	join(fresh, "qemu.stubdom-new");
	join(divert, "dpkg-divert");
	join(book, "book");
	join(broken, "broken");
	put(divert, script, 0755);
	return 0;
}

static void remove_all(void)
{
	unlink(path);
	unlink(diverted);
	unlink(fresh);
	rmdir(fresh);
	unlink(book);
	unlink(broken);
}

static int drop_dir(void **state)
{
	remove_all();
	unlink(divert);
	return rmdir(dir);
}

/* Debian's QEMU, and nothing of ours. */
static int stock(void **state)
{
	remove_all();
	paths.divert = divert;
	put(path, "stock", 0755);
	return 0;
}

static void check_content(const char *name, const char *want)
{
	char text[64] = "";
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, want);
}

static void check_state(enum enable_state want)
{
	enum enable_state state;
	struct err err;

	assert_int_equal(enable_look(&paths, &state, &err), 0);
	assert_string_equal(enable_state_name(state), enable_state_name(want));
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void check_stock(const char *content)
{
	check_state(ENABLE_OFF);
	check_content(path, content);
	assert_false(exists(diverted));
	assert_false(exists(fresh));
	assert_false(exists(book));
}

static void check_on(const char *content)
{
	char target[64] = "";

	check_state(ENABLE_ON);
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "/opt/select");
	check_content(diverted, content);
	assert_false(exists(fresh));
}

static void turn(int (*which)(const struct enable_paths *, struct err *))
{
	struct err err = {0};

	if (which(&paths, &err) < 0)
		fail_msg("%s", err.msg);
}

static void refuse(int (*which)(const struct enable_paths *, struct err *),
		   const char *says)
{
	struct err err = {0};

	assert_int_equal(which(&paths, &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
}

static void test_on_and_off(void **state)
{
	check_stock("stock");
	turn(enable_off);
	check_stock("stock");
	turn(enable_on);
	check_on("stock");
	turn(enable_on);
	check_on("stock");
	turn(enable_off);
	check_stock("stock");
}

static atomic_bool stop;

static void *watch(void *missing)
{
	while (!atomic_load(&stop))
		if (!exists(path))
			(*(int *)missing)++;
	return NULL;
}

static void test_never_without_the_path(void **state)
{
	pthread_t watcher;
	int missing = 0;

	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&watcher, NULL, watch, &missing), 0);
	for (int i = 0; i < CYCLES; i++) {
		turn(enable_on);
		turn(enable_off);
	}
	atomic_store(&stop, true);
	pthread_join(watcher, NULL);
	assert_int_equal(missing, 0);
}

/* Each step fails once, and all is as before. */
static void test_failures_are_taken_back(void **state)
{
	char nowhere[64];

	put(broken, "--add", 0644);
	refuse(enable_on, "exit status 2");
	check_stock("stock");
	unlink(broken);

	join(nowhere, "no/such");
	paths.diverted = nowhere;
	refuse(enable_on, "no/such: No such file");
	paths.diverted = diverted;
	check_stock("stock");

	assert_int_equal(mkdir(fresh, 0755), 0);
	refuse(enable_on, "stubdom-new");
	rmdir(fresh);
	check_stock("stock");

	turn(enable_on);
	assert_int_equal(mkdir(fresh, 0755), 0);
	refuse(enable_off, "stubdom-new");
	rmdir(fresh);
	check_on("stock");

	put(broken, "--remove", 0644);
	refuse(enable_off, "exit status 2");
	check_state(ENABLE_HALF);
	check_content(path, "stock");
	unlink(broken);
	turn(enable_off);
	check_stock("stock");
}

static void tell(void)
{
	char text[128];

	snprintf(text, sizeof(text), "qemu-stubdom %s\n", diverted);
	put(book, text, 0644);
}

/* Killed behind each step: either verb goes on from there. */
static void check_repair(void (*half_way)(void), const char *content)
{
	stock(NULL);
	half_way();
	check_state(ENABLE_HALF);
	turn(enable_on);
	check_on(content);
	stock(NULL);
	half_way();
	turn(enable_off);
	check_stock(content);
}

static void half_linked(void)
{
	tell();
	assert_int_equal(link(path, diverted), 0);
}

static void half_made(void)
{
	half_linked();
	assert_int_equal(symlink("/opt/select", fresh), 0);
}

/* dpkg unpacked a newer QEMU meanwhile. */
static void half_upgraded(void)
{
	tell();
	put(diverted, "newer", 0755);
}

/* Somebody took the diversion away by hand. */
static void half_forgotten(void)
{
	half_linked();
	unlink(path);
	assert_int_equal(symlink("/opt/select", path), 0);
	unlink(book);
}

static void test_repaired(void **state)
{
	check_repair(tell, "stock");
	check_repair(half_linked, "stock");
	check_repair(half_made, "stock");
	check_repair(half_upgraded, "newer");
	check_repair(half_forgotten, "stock");
}

static void test_upgraded_while_on(void **state)
{
	turn(enable_on);
	unlink(diverted);
	put(diverted, "newer", 0755);
	check_on("newer");
	turn(enable_off);
	check_stock("newer");
}

static void test_lost(void **state)
{
	turn(enable_on);
	unlink(diverted);
	check_state(ENABLE_LOST);
	refuse(enable_on, "install qemu-system-xen first");
	turn(enable_off);
	assert_false(exists(path));
	assert_false(exists(book));
	refuse(enable_on, "install qemu-system-xen first");
}

static void test_of_others(void **state)
{
	put(book, "LOCAL /elsewhere\n", 0644);
	check_state(ENABLE_FOREIGN);
	refuse(enable_on, "diverts QEMU's path");
	turn(enable_off); /* nothing of ours */
	check_state(ENABLE_FOREIGN);
	check_content(path, "stock");
	unlink(book);

	put(diverted, "whose?", 0644);
	refuse(enable_on, "dpkg knows of no diversion");
	check_content(diverted, "whose?");
	check_content(path, "stock");
}

static void test_no_debian(void **state)
{
	paths.divert = "/nowhere/dpkg-divert";
	check_state(ENABLE_NO_DPKG);
	refuse(enable_on, "no dpkg-divert");
	check_content(path, "stock");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_on_and_off, stock),
		cmocka_unit_test_setup(test_never_without_the_path, stock),
		cmocka_unit_test_setup(test_failures_are_taken_back, stock),
		cmocka_unit_test_setup(test_repaired, stock),
		cmocka_unit_test_setup(test_upgraded_while_on, stock),
		cmocka_unit_test_setup(test_lost, stock),
		cmocka_unit_test_setup(test_of_others, stock),
		cmocka_unit_test_setup(test_no_debian, stock),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
