/* SPDX-License-Identifier: MIT */
/* Whether an image is whole and up to date. */
#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "image.h"

/* sha256 of "kernel" */
#define SUM "6923dd1bc0460082c5d55a831908c24a282860b7f1cd6c2b79cf1bc8857c639c"

static char dir[] = "/tmp/stubdom-image-XXXXXX";

static void open_to_others(const char *name, bool open)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(chmod(path, open ? 0666 : 0644), 0);
}

static void remove_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	remove_file("manifest.json");
	remove_file("kernel");
	return rmdir(dir);
}

static void test_load(void **state)
{
	struct err err = {0};
	json_t *manifest;

	assert_null(image_load(dir, &err));
	assert_int_equal(err.code, ERR_HOST);
	assert_non_null(strstr(err.msg, "stubdom image build"));
	unit_write_file(dir, "manifest.json", "{\"version\": 1");
	assert_null(image_load(dir, &err));
	assert_non_null(strstr(err.msg, "manifest.json"));
	unit_write_file(dir, "manifest.json", "{\"version\": 99}");
	assert_null(image_load(dir, &err));
	assert_non_null(strstr(err.msg, "not of version 1"));
	unit_write_file(dir, "manifest.json", "{\"version\": 1}");
	manifest = image_load(dir, &err);
	assert_non_null(manifest);
	json_decref(manifest);
}

/* The one problem, or NULL; frees the others' list. */
static char *check(const char *files, int deep)
{
	json_t *manifest = json_loads(files, 0, NULL);
	cleanup_fd int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct image_problems problems;
	struct err err = {0};
	char *line = NULL;

	assert_non_null(manifest);
	assert_int_equal(image_check_files(manifest, folder, dir, deep, &problems, &err),
			 0);
	assert_true(problems.n <= 1);
	if (problems.n)
		line = strdup(problems.lines[0]);
	image_problems_free(&problems);
	json_decref(manifest);
	return line;
}

static void expect(const char *files, int deep, const char *says)
{
	char *line = check(files, deep);

	if (!says) {
		assert_null(line);
		return;
	}
	assert_non_null(line);
	if (!strstr(line, says))
		fail_msg("'%s' does not say '%s'", line, says);
	free(line);
}

#define FILES(name, bytes, sum)                                                          \
	"{\"files\": {\"" name "\": {\"bytes\": " bytes ", \"sha256\": \"" sum "\"}}}"

static void test_files(void **state)
{
	unit_write_file(dir, "kernel", "kernel");
	expect(FILES("kernel", "6", SUM), 1, NULL);
	expect(FILES("kernel", "7", SUM), 1, "6 bytes, the manifest says 7");
	expect(FILES("missing", "6", SUM), 0, "No such file");
	expect(FILES("../kernel", "6", SUM), 0, "bad entry");
	expect(FILES("kernel", "6", ""), 0, "bad entry");
	expect("{}", 0, "names no files");
	unit_write_file(dir, "kernel", "keRnel");
	expect(FILES("kernel", "6", SUM), 0, NULL);
	expect(FILES("kernel", "6", SUM), 1, "not the content");
	unit_write_file(dir, "kernel", "kernel");
	open_to_others("kernel", true);
	expect(FILES("kernel", "6", SUM), 0, NULL);
	expect(FILES("kernel", "6", SUM), 1, "kernel: others than root can change it");
	open_to_others("kernel", false);
	open_to_others("manifest.json", true);
	expect(FILES("kernel", "6", SUM), 1, "manifest.json: others than root");
	open_to_others("manifest.json", false);
	expect(FILES("kernel", "6", SUM), 1, NULL);
}

static void test_packages(void **state)
{
	static const char installed[] =
		"installed libc6 2.41-12 amd64\n"
		"installed libc6-dev 2.41-12 amd64\n"
		"installed seabios 1.16.3-2 all\n"
		"installed zlib1g 1:1.3-1 amd64\n"
		"installed zlib1g 1:1.3-1 i386\n"
		"config-files libpixman 1 amd64\n"
		"installed linux-image-6.12.9-amd64 6.12.9-1 amd64\n"
		"installed linux-image-6.12.88-amd64 6.12.88-1 amd64\n"
		"installed linux-image-6.12.99-amd64-dbg 6.12.99-1 amd64\n"
		"config-files linux-image-6.12.99-amd64 6.12.99-1 amd64\n"
		"installed linux-image-amd64 6.12.99-1 amd64\n";
	static const char text[] =
		"{\"packages\": ["
		"{\"name\": \"libc6\", \"version\": \"2.41-12\", \"arch\": \"amd64\"},"
		"{\"name\": \"zlib1g\", \"version\": \"1:1.3-1\", \"arch\": \"i386\"},"
		"{\"name\": \"seabios\", \"version\": \"1.16.3-1\", \"arch\": \"all\"},"
		"{\"name\": \"libpixman\", \"version\": \"1\", \"arch\": \"amd64\"},"
		"{\"name\": \"linux-image-6.12.9-amd64\", \"version\": \"6.12.9-1\"},"
		"{\"name\": \"linux-image-6.12.88-amd64\", \"version\": \"6.12.88-1\"},"
		"{\"version\": \"1\"}]}";
	json_t *manifest = json_loads(text, 0, NULL);
	struct image_problems problems;
	struct err err;

	assert_int_equal(image_compare_packages(manifest, installed, &problems, &err), 0);
	assert_int_equal(problems.n, 4);
	assert_string_equal(problems.lines[0],
			    "seabios: 1.16.3-2 is installed, the image has 1.16.3-1");
	assert_string_equal(problems.lines[1],
			    "libpixman: not installed any more, the image has 1");
	assert_string_equal(problems.lines[2],
			    "linux-image-6.12.88-amd64 is installed, the image has "
			    "linux-image-6.12.9-amd64");
	assert_string_equal(problems.lines[3], "a bad entry in the manifest");
	image_problems_free(&problems);
	json_decref(manifest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_packages),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
