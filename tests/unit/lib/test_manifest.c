/* SPDX-License-Identifier: MIT */
/* The image's manifest: a whole one is read, damage is named. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest.h"
#include "sample_manifest.h"

static void check_whole(const struct manifest *m)
{
	const struct manifest_kernel *k = manifest_find_kernel(m, "linux");

	assert_non_null(k);
	assert_string_equal(k->path, "/img/kernel-linux");
	assert_string_equal(k->cmdline, "console=hvc0");
	assert_int_equal(k->n_ramdisk, 2);
	assert_string_equal(k->ramdisk[0], "/img/root.cpio");
	assert_string_equal(k->ramdisk[1], "/img/modules-linux.cpio");
	assert_null(k->ramdisk[2]);
	assert_int_equal(k->ramdisk_bytes, 62914560 + 2097152);
	assert_false(k->replace);
	assert_non_null(manifest_find_kernel(m, "nub"));
	assert_true(manifest_find_kernel(m, "nub")->replace);
	assert_null(manifest_find_kernel(m, "bsd"));
	assert_string_equal(m->qemu_path, "/usr/libexec/xen-qemu-system-i386");
	assert_string_equal(m->qemu_version, "10.0.13");
	assert_string_equal(m->help_text, "usage: qemu-system-i386\n");
	assert_int_equal(m->root_bytes, 62000000);
}

static void test_whole(void **state)
{
	struct manifest m;
	struct err err;

	assert_int_equal(manifest_parse("/img", SAMPLE_MANIFEST, strlen(SAMPLE_MANIFEST),
					&m, &err),
			 0);
	check_whole(&m);
	manifest_free(&m);
}

/* The sample with one text in place of another. */
static char *damage(const char *from, const char *to)
{
	const char *at = strstr(SAMPLE_MANIFEST, from);
	char *text = NULL;

	if (!at)
		fail_msg("the sample has no '%s'", from);
	if (asprintf(&text, "%.*s%s%s", (int)(at - SAMPLE_MANIFEST), SAMPLE_MANIFEST, to,
		     at + strlen(from)) < 0)
		fail_msg("out of memory");
	return text;
}

static void test_damaged(void **state)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
		{"{\"version\":1", "{\"version\":2", "version: expected 1"},
		{"{\"version\":1,", "{", "version: expected 1"},
		{"\"kernels\":", "\"k\":", "kernels: expected"},
		{"\"linux\":{\"file\":\"kernel-linux\"", "\"linux\":{\"file\":\"../x\"",
		 "kernels.linux: expected a plain file name"},
		{"\"file\":\"kernel-linux\"", "\"file\":\"gone\"",
		 "'gone' is not listed in files"},
		{"[\"root.cpio\",\"modules-linux.cpio\"]", "[]", "kernels.linux.ramdisk"},
		{"[\"root.cpio\",\"modules-linux.cpio\"]", "[\"root.cpio\",5]",
		 "expected a plain file name"},
		{"\"bytes\":62914560", "\"bytes\":-1", "root.cpio.bytes: expected"},
		{"\"cmdline\":\"console=hvc0\"", "\"cmdline\":7",
		 "kernels.linux.cmdline"},
		{"\"path\":\"/usr", "\"p\":\"/usr", "qemu.path: expected a string"},
		{"\"version_text\":\"QEMU emulator version 10.0.13\\n\"",
		 "\"version_text\":\"\"", "qemu.version_text"},
		{"\"greeting\":", "\"g\":", "qemu.probe: expected greeting.QMP"},
		{"\"query-version\":{\"return\"", "\"query-version\":{\"r\"",
		 "qemu.probe.commands.query-version"},
		{"\"schema\":[", "\"s\":[", "qemu.schema: expected"},
		{"\"schema\":[", "\"machines\":[],\"schema\":[",
		 "qemu.machines: expected"},
		{"\"schema\":[", "\"memory_mb\":0,\"schema\":[",
		 "qemu.memory_mb: expected"},
		{"\"schema\":[", "\"memory_mb\":\"9\",\"schema\":[",
		 "qemu.memory_mb: expected"},
		{"\"root\":{\"bytes\"", "\"root\":{\"b\"", "root.bytes"},
		{"\"version\":1,", "\"version\":1,,", "line 1"},
		{"\"version\":1,", "\"version\":1,\"version\":1,", "duplicate"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = damage(cases[i].from, cases[i].to);
		struct manifest m;
		struct err err;

		assert_int_equal(manifest_parse("/img", text, strlen(text), &m, &err),
				 -1);
		assert_int_equal(err.code, ERR_HOST);
		if (!strstr(err.msg, cases[i].says) || !strstr(err.msg, "rebuild"))
			fail_msg("'%s' does not say '%s' and the remedy", err.msg,
				 cases[i].says);
		assert_ptr_equal(strstr(err.msg, "/img/manifest.json: "), err.msg);
		assert_null(m.kernels);
		free(text);
	}
}

/* An image of another version has its own way, and an older one says so without a number. */
static void test_other_ways_to_replace(void **state)
{
	static const char *const others[] = {"1", "true", "\"2\"", "2.0"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char member[32];
		struct manifest m;
		struct err err;
		char *text;

		snprintf(member, sizeof(member), "\"replace\":%s", others[i]);
		text = damage("\"replace\":2", member);
		assert_int_equal(manifest_parse("/img", text, strlen(text), &m, &err), 0);
		assert_false(manifest_find_kernel(&m, "nub")->replace);
		manifest_free(&m);
		free(text);
	}
}

static void test_file(void **state)
{
	char dir[] = "/tmp/test_manifest.XXXXXX";
	char path[64];
	struct manifest m;
	struct err err;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(manifest_load(dir, &m, &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	assert_non_null(strstr(err.msg, "No such file"));
	assert_non_null(strstr(err.msg, "-stubdom image=DIR"));
	snprintf(path, sizeof(path), "%s/manifest.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(SAMPLE_MANIFEST, f);
	fclose(f);
	assert_int_equal(manifest_load(dir, &m, &err), 0);
	assert_string_equal(m.dir, dir);
	manifest_free(&m);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_other_ways_to_replace),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
