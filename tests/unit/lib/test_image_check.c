/* SPDX-License-Identifier: MIT */
/* An image that is not what its builder made, or not root's alone, is refused. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_check.h"

static char dir[] = "/tmp/test_image_check.XXXXXX";
static char sums[64], kernel_path[64], manifest_path[64], kept[160];

#define KERNEL_SUM "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static int folder;

static struct manifest_file file = {
	.path = kernel_path, .name = "kernel", .bytes = 3, .sha256 = KERNEL_SUM};
static const struct manifest_kernel kernel = {.files = &file, .n_files = 1};

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

static int set_up(void **state)
{
	strcpy(strrchr(dir, '.'), ".XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(sums, sizeof(sums), "%s/sums", dir);
	snprintf(kernel_path, sizeof(kernel_path), "%s/kernel", dir);
	snprintf(manifest_path, sizeof(manifest_path), "%s/manifest.json", dir);
	snprintf(kept, sizeof(kept), "%s/" KERNEL_SUM, sums);
	file.bytes = 3;
	strcpy(file.sha256, KERNEL_SUM);
	put(kernel_path, "abc");
	put(manifest_path, "{}");
	folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder >= 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	close(folder);
	snprintf(command, sizeof(command), "rm -rf %s %s.old", dir, dir);
	return system(command);
}

static void refused(int rc, const struct err *err, const char *says)
{
	if (rc == 0 || !strstr(err->msg, says) || !strstr(err->msg, "the image: "))
		fail_msg("%d '%s' does not say '%s'", rc, err->msg, says);
	assert_int_equal(err->code, ERR_HOST);
}

static void test_owner(void **state)
{
	struct err err = {0};

	assert_int_equal(image_check_owner(dir, &err), 0);
	assert_int_equal(chmod(manifest_path, 0666), 0);
	refused(image_check_owner(dir, &err), &err, "manifest.json: others than root");
	assert_int_equal(chmod(manifest_path, 0644), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	refused(image_check_owner(dir, &err), &err, "others than root can change");
	refused(image_check_kernel(folder, &kernel, sums, NULL, &err), &err,
		"its folder: others than root");
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chown(kernel_path, 12345, 0), 0);
	refused(image_check_kernel(folder, &kernel, sums, NULL, &err), &err,
		"kernel: others than root");
}

static void test_sums(void **state)
{
	struct err err = {0};

	assert_int_equal(image_check_kernel(folder, &kernel, sums, NULL, &err), 0);
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(image_check_kernel(folder, &kernel, sums, NULL, &err), 0);
	put(kernel_path, "abd"); /* of the same length */
	refused(image_check_kernel(folder, &kernel, sums, NULL, &err), &err,
		"not the content");
	put(kernel_path, "abcd");
	refused(image_check_kernel(folder, &kernel, sums, NULL, &err), &err,
		"4 bytes, the manifest says");
	put(kernel_path, "abc");
	assert_int_equal(image_check_kernel(folder, &kernel, sums, NULL, &err), 0);
	file.sha256[0] = '\0'; /* a manifest without one */
	refused(image_check_kernel(folder, &kernel, sums, NULL, &err), &err,
		"not the content");
	unlink(kernel_path);
	refused(image_check_kernel(folder, &kernel, sums, NULL, &err), &err,
		"No such file");
}

/* Only the very file that was summed up is let through by a sum that is kept. */
static void test_sum_kept(void **state)
{
	struct err err = {0};
	struct stat st;

	assert_int_equal(image_check_kernel(folder, &kernel, sums, NULL, &err), 0);
	assert_int_equal(stat(kernel_path, &st), 0);
	put(kernel_path, "xyz");
	assert_int_equal(utimensat(AT_FDCWD, kernel_path,
				   (struct timespec[2]){st.st_atim, st.st_mtim}, 0),
			 0);
	refused(image_check_kernel(folder, &kernel, sums, NULL, &err), &err,
		"not the content");
	put(kernel_path, "abc");
	assert_int_equal(image_check_kernel(folder, &kernel, sums, NULL, &err), 0);
	/* A foreign or damaged note is no note. */
	put(kept, "1 2 3\n");
	assert_int_equal(image_check_kernel(folder, &kernel, sums, NULL, &err), 0);
}

/* The files that were looked at are read, although another image takes the place. */
static void test_switched(void **state)
{
	struct image_files files = {0};
	struct err err = {0};
	char old[64], text[8];

	snprintf(old, sizeof(old), "%s.old", dir);
	assert_int_equal(rename(dir, old), 0);
	assert_int_equal(mkdir(dir, 0755), 0);
	put(kernel_path, "new");
	assert_int_equal(image_check_kernel(folder, &kernel, sums, &files, &err), 0);
	assert_int_equal(files.n, 1);
	unlinkat(folder, "kernel", 0);
	assert_int_equal(pread(files.fd[0], text, sizeof(text), 0), 3);
	assert_memory_equal(text, "abc", 3);
	image_files_close(&files);
	assert_int_equal(files.n, 0);
	refused(image_check_kernel(folder, &kernel, sums, &files, &err), &err,
		"No such file");
	assert_int_equal(files.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sums, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sum_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_switched, set_up, tear_down),
	};

	if (geteuid() != 0) {
		puts("not root: files of another user cannot be made");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
