/* SPDX-License-Identifier: MIT */
/* Files of dom0 that a plan names are looked at before any domain exists; its memory. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/mark.h"
#include "check/resolve.h"
#include "sample_manifest.h"

static char dir[] = "/tmp/test_plan_resolve.XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	return rmdir(dir);
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make_file(const char *name, off_t size)
{
	int fd = open(path_of(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static int check_line(const char *const *more, struct plan *plan, struct err *err)
{
	const char *argv[32] = {"dm", "-xen-domid", "1", "-nodefaults", "-name", "g"};
	struct stubopt options;
	struct args args;
	int argc = 6;

	while (*more)
		argv[argc++] = *more++;
	stubopt_init(&options);
	assert_int_equal(args_split(argc, (char *const *)argv, &args, err), 0);
	assert_int_equal(stubopt_load(&options, "/nonexistent", &args, err), 0);
	if (plan_build(&args, &options, plan, err) < 0)
		fail_msg("%s", err->msg);
	args_free(&args);
	stubopt_free(&options);
	return plan_resolve(plan, err);
}

static void check_disk(const char *name, const char *options, const char *says)
{
	char drive[256];
	const char *line[] = {"-drive", drive, NULL};
	struct plan plan;
	struct err err = {0};
	int rc;

	snprintf(drive, sizeof(drive), "file=%s%s", path_of(name), options);
	rc = check_line(line, &plan, &err);
	if (!says && rc < 0)
		fail_msg("%s%s: %s", name, options, err.msg);
	if (says) {
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_HOST);
		if (!strstr(err.msg, says) || !strstr(err.msg, name) ||
		    strstr(err.msg, "disk of drive 0: ") != err.msg)
			fail_msg("'%s' does not say '%s' and where", err.msg, says);
	}
	plan_free(&plan);
}

static void test_disks(void **state)
{
	make_file("good.img", 4096);
	make_file("odd.img", 1000);
	make_file("tiny.img", 511);
	make_file("empty.img", 0);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	check_disk("good.img", ",format=raw", NULL);
	check_disk("good.img", "", NULL);
	check_disk("good.img", ",format=vmdk,readonly=on", NULL);
	check_disk("good.img", ",format=vmdk", "qemu-img convert -O qcow2, or raw");
	check_disk("good.img", ",format=qcow2,readonly=on", "is no qcow2 image");
	check_disk("good.img", ",format=qcow2", "is no qcow2 image");
	check_disk("odd.img", ",format=raw", NULL);
	check_disk("tiny.img", ",format=raw", "smaller than one sector");
	check_disk("empty.img", ",format=raw", "is empty");
	check_disk("none.img", ",format=raw", "No such file or directory");
	check_disk("", ",format=raw", "is a directory; name a file or a block device");
	check_disk("fifo", ",format=raw", "is no regular file and no block device");
	check_disk("good.img/x", ",format=raw", "Not a directory");
	unlink(path_of("good.img"));
	unlink(path_of("odd.img"));
	unlink(path_of("tiny.img"));
	unlink(path_of("empty.img"));
	unlink(path_of("fifo"));
}

/*
 * A qcow2 header of a disk of so many MiB, and headers that a guest could write over it.
 */
static void make_qcow2(const char *name, unsigned long long mib)
{
	uint8_t header[104] = {'Q', 'F', 'I', 0xfb, [7] = 2, [23] = 16};
	unsigned long long bytes = mib << 20;
	int fd = open(path_of(name), O_CREAT | O_RDWR, 0600);

	for (int i = 0; i < 8; i++)
		header[31 - i] = (uint8_t)(bytes >> 8 * i);
	assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
	assert_int_equal(ftruncate(fd, 262144), 0);
	close(fd);
}

static void check_growth(const char *option, const char *says)
{
	char drive[256];
	const char *line[] = {"-drive", drive, "-stubdom", option, NULL};
	struct plan plan;
	struct err err = {0};
	int rc;

	snprintf(drive, sizeof(drive), "file=%s,format=qcow2", path_of("g.qcow2"));
	rc = check_line(line, &plan, &err);
	if (!says && rc < 0)
		fail_msg("%s: %s", option, err.msg);
	if (says && (rc == 0 || !strstr(err.msg, says)))
		fail_msg("%s: '%s' does not say '%s'", option, err.msg, says);
	if (!says) {
		int fd = open(path_of("g.qcow2"), O_RDWR);

		/* As domain_disks_open does it. */
		assert_int_equal(disk_mark_write(fd, "g", plan.disks[0].grow_to), 0);
		close(fd);
	}
	plan_free(&plan);
}

/* A header's wishes from dom0's file system are bounded by its first ones. */
static void test_growth(void **state)
{
	if (geteuid() != 0)
		skip(); /* "trusted" attributes are root's */
	make_qcow2("g.qcow2", 1000);
	check_growth("container-max=500", "over the limit of 500 (container-max=)");
	check_growth("vcpus=1", NULL); /* the first time: anything */
	make_qcow2("g.qcow2", 1900);
	check_growth("vcpus=1", NULL);
	make_qcow2("g.qcow2", 1 << 20);
	check_growth("vcpus=1", "twice what it asked for when it was used first");
	check_growth("container-max=4000", "over the limit of 4000 (container-max=)");
	check_growth("container-max=1200000", NULL);
	check_growth("vcpus=1",
		     "give -stubdom container-max=10"); /* once is not for ever */
	make_qcow2("g.qcow2", 1900);
	check_growth("vcpus=1", NULL);
	unlink(path_of("g.qcow2"));
}

static void mark_file(const char *name, const char *guest, mode_t mode)
{
	int fd;

	make_file(name, 4096);
	fd = open(path_of(name), O_RDWR);
	assert_int_equal(disk_mark_write(fd, guest, 0), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Disks of other guests in the folder for backing files are found, templates are not. */
static void test_others_disks(void **state)
{
	struct disk_mark_found found;

	if (geteuid() != 0)
		skip();
	mark_file("a", "g", 0600);
	mark_file("b", "g--incoming", 0600);
	mark_file("c", "template", 0444);
	make_file("d", 4096);
	disk_mark_find_others(dir, "g", &found);
	assert_int_equal(found.n, 0);
	assert_int_equal(mkdir(path_of("sub"), 0700), 0);
	mark_file("sub/e", "other", 0600);
	disk_mark_find_others(dir, "g", &found);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.path, path_of("sub/e"));
	assert_string_equal(found.guest, "other");
	disk_mark_find_others(dir, "other--migratedaway", &found);
	assert_int_equal(found.n, 2);
	for (const char *const *name =
		     (const char *const[]){"a", "b", "c", "d", "sub/e", NULL};
	     *name; name++)
		unlink(path_of(*name));
	rmdir(path_of("sub"));
}

static void test_note(void **state)
{
	char drive[256];
	const char *line[] = {"-drive", drive, NULL};
	struct plan plan;
	struct err err;

	make_file("odd.img", 1000);
	snprintf(drive, sizeof(drive), "file=%s", path_of("odd.img"));
	assert_int_equal(check_line(line, &plan, &err), 0);
	assert_int_equal(plan.n_notes, 1);
	assert_non_null(strstr(plan.notes[0], "the last 488 bytes are no whole sector"));
	plan_free(&plan);
	unlink(path_of("odd.img"));
}

static void test_files(void **state)
{
	char kernel[128];
	const char *line[] = {"-kernel", kernel, NULL};
	struct plan plan;
	struct err err;

	make_file("vmlinuz", 5000);
	snprintf(kernel, sizeof(kernel), "%s", path_of("vmlinuz"));
	assert_int_equal(check_line(line, &plan, &err), 0);
	assert_int_equal(plan.files[0].bytes, 5000);
	plan_free(&plan);
	unlink(path_of("vmlinuz"));
	assert_int_equal(check_line(line, &plan, &err), -1);
	assert_ptr_equal(strstr(err.msg, "boot/kernel: /tmp/"), err.msg);
	plan_free(&plan);
	snprintf(kernel, sizeof(kernel), "%s", dir);
	assert_int_equal(check_line(line, &plan, &err), -1);
	assert_non_null(strstr(err.msg, "is a directory; name a file"));
	plan_free(&plan);
}

static void test_topology(void **state)
{
	char option[256];
	const char *line[] = {"-stubdom", option, "-netdev",
			      "tap,id=n0,ifname=vif1.0-emu,br=xenbr0,script=no", NULL};
	struct plan plan;
	struct err err;
	FILE *f;

	snprintf(option, sizeof(option), "topology=%s", path_of("topo"));
	assert_int_equal(check_line(line, &plan, &err), -1);
	assert_non_null(strstr(err.msg, "topology: "));
	assert_int_equal(err.code, ERR_HOST);
	plan_free(&plan);
	f = fopen(path_of("topo"), "w");
	assert_non_null(f);
	fputs("# comment\n\n  ifconfig tap0 create # make\nifconfig bridge0 create\n"
	      "brconfig add tap0 bridge0",
	      f);
	fclose(f);
	assert_int_equal(check_line(line, &plan, &err), 0);
	assert_int_equal(plan.n_topology, 3);
	assert_string_equal(plan.topology[0], "ifconfig tap0 create");
	assert_string_equal(plan.topology[2], "brconfig add tap0 bridge0");
	assert_null(plan.topology[3]);
	plan_free(&plan);
	f = fopen(path_of("topo"), "w");
	assert_non_null(f);
	fputs("ifconfig tap0 create\nifconfig eth0 up\n", f);
	fclose(f);
	assert_int_equal(check_line(line, &plan, &err), -1);
	assert_non_null(strstr(err.msg, "topo:2:10: "));
	plan_free(&plan);
	f = fopen(path_of("topo"), "w");
	assert_non_null(f);
	fputs("ifconfig tap0 create\nifconfig xenif1 up\n", f);
	fclose(f);
	assert_int_equal(check_line(line, &plan, &err), -1);
	assert_non_null(strstr(err.msg, "topo:2:17: xenif1 is not there"));
	plan_free(&plan);
	f = fopen(path_of("topo"), "w");
	assert_non_null(f);
	fputs("ifconfig tap0 create\nifconfig bridge0 create\nbrconfig bridge0 stp\n", f);
	fclose(f);
	assert_int_equal(check_line(line, &plan, &err), -1); /* kernel=nub */
	assert_non_null(strstr(err.msg, "topo:3:18: found 'stp'"));
	plan.kernel = STUBOPT_KERNEL_LINUX;
	assert_int_equal(plan_resolve(&plan, &err), 0);
	plan_free(&plan);
	f = fopen(path_of("topo"), "w");
	assert_non_null(f);
	for (int i = 0; i < 66000; i++)
		fputc('#', f);
	fclose(f);
	assert_int_equal(check_line(line, &plan, &err), -1);
	assert_non_null(strstr(err.msg, "longer than 65536 bytes"));
	plan_free(&plan);
	unlink(path_of("topo"));
}

static void check_memory_of(enum stubopt_kernel kernel, unsigned given, unsigned vram,
			    const char *name, unsigned long long file, unsigned expected)
{
	struct plan_file files[1] = {{(char *)name, NULL, file}};
	struct plan plan = {.kernel = kernel,
			    .memory_mb = given,
			    .vram_mb = vram,
			    .files = files,
			    .n_files = 1};
	struct manifest manifest;
	struct err err;

	assert_int_equal(manifest_parse("/img", SAMPLE_MANIFEST, strlen(SAMPLE_MANIFEST),
					&manifest, &err),
			 0);
	plan_set_memory(&plan, &manifest);
	assert_int_equal(plan.memory_mb, expected);
	manifest_free(&manifest);
}

/* An image whose Linux has its root in the ramdisk. */
static void test_memory_of_old_image(void **state)
{
	struct plan plan = {.kernel = STUBOPT_KERNEL_LINUX, .vram_mb = 2};
	struct manifest manifest;
	struct manifest_kernel *kernel;
	struct err err;

	assert_int_equal(manifest_parse("/img", SAMPLE_MANIFEST, strlen(SAMPLE_MANIFEST),
					&manifest, &err),
			 0);
	plan_set_memory(&plan, &manifest);
	assert_int_equal(plan.memory_mb, 240); /* 2 * 62 + 112 + 2 */
	kernel = (struct manifest_kernel *)manifest_find_kernel(&manifest, "linux");
	free(kernel->disk);
	kernel->disk = NULL;
	plan.memory_mb = 0;
	plan_set_memory(&plan, &manifest);
	assert_int_equal(plan.memory_mb, 236); /* 62 + 59.1 + 112 + 2 */
	manifest_free(&manifest);
}

static void check_memory(enum stubopt_kernel kernel, unsigned given, unsigned vram,
			 unsigned long long file, unsigned expected)
{
	check_memory_of(kernel, given, vram, "boot/initrd", file, expected);
}

/* The sample's ramdisks have 62 MiB with Linux, 60 MiB with nub, and 59.1 unpacked. */
static void test_memory(void **state)
{
	check_memory(STUBOPT_KERNEL_LINUX, 0, 0, 0, 236);	   /* 2 * 62 + 112 */
	check_memory(STUBOPT_KERNEL_LINUX, 0, 16, 0, 252);	   /* + 16 */
	check_memory(STUBOPT_KERNEL_LINUX, 0, 0, 100 << 20, 436);  /* + 2 * 100 */
	check_memory(STUBOPT_KERNEL_LINUX, 99, 16, 100 << 20, 99); /* as said */
	check_memory(STUBOPT_KERNEL_NUB, 0, 0, 0, 92);		/* 60 + 32, the least */
	check_memory(STUBOPT_KERNEL_NUB, 0, 16, 1, 104);	/* 60.1 + 16 + 27 */
	check_memory(STUBOPT_KERNEL_NUB, 0, 16, 10 << 20, 116); /* + 10 */
	check_memory_of(STUBOPT_KERNEL_NUB, 0, 16, "boot/kernel", 10 << 20,
			124); /* + 2 * 10 */
}

/* Its image's manifest says what a slim QEMU needs. */
static void test_slim(void **state)
{
	struct plan plan = {.kernel = STUBOPT_KERNEL_NUB, .vram_mb = 16};
	struct manifest manifest;
	struct err err;

	assert_int_equal(manifest_parse("/img", SAMPLE_MANIFEST, strlen(SAMPLE_MANIFEST),
					&manifest, &err),
			 0);
	manifest.memory_mb = 12;
	plan_set_memory(&plan, &manifest);
	assert_int_equal(plan.memory_mb, 88); /* 60 + 16 + 12 */
	plan.memory_mb = plan.vram_mb = 0;
	plan_set_memory(&plan, &manifest);
	assert_int_equal(plan.memory_mb, 80); /* the least: 60 + 12 + 5 */
	assert_int_equal(plan_least_mb(&plan, &manifest), 77);
	manifest_free(&manifest);
}

/* Of a guest with much memory, QEMU may map a lot: 2 MiB of page tables for a GiB. */
static void test_guests_memory(void **state)
{
	static const struct {
		const char *size;
		unsigned expected;
	} cases[] = {
		{"16384", 120}, /* 60 + 27 + 32 */
		{"size=16G,maxmem=16G", 120},
		{"size=16384M", 120},
		{"64G", 152}, /* + 64: the map cache holds 32 GiB */
		{"18446744073709551615G", 152},
		{"99999999999", 152},
		{"0", 92}, /* the least */
		{"x", 92},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *argv[] = {(char *)"qemu", (char *)"-m", (char *)cases[i].size,
				NULL};
		struct plan plan = {
			.kernel = STUBOPT_KERNEL_NUB, .qemu = argv, .n_qemu = 3};
		struct manifest manifest;
		struct err err;

		assert_int_equal(manifest_parse("/img", SAMPLE_MANIFEST,
						strlen(SAMPLE_MANIFEST), &manifest, &err),
				 0);
		plan_set_memory(&plan, &manifest);
		assert_int_equal(plan.memory_mb, cases[i].expected);
		manifest_free(&manifest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_of_old_image),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_others_disks),
		cmocka_unit_test(test_guests_memory),
		cmocka_unit_test(test_slim),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
