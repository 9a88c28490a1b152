/* SPDX-License-Identifier: MIT */
/* argv to plan over a corpus.  Each NAME.argv (one argument a line) becomes exactly
 * NAME.json.  Each line of rejected.json is refused with exactly its words. */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/handover.h"
#include "plan/plan.h"
#include "sample_manifest.h"

enum { ARGS_MAX = 1024, CORPUS_LEAST = 30, REJECTED_LEAST = 60 };

static const char *corpus;
static bool update;
static struct manifest manifest;

static char *read_all(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		fail_msg("%s: cannot be opened (make golden makes it)", path);
	n = fread(text, 1, (1 << 20) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Splits text into lines, in place; argv[0] is the program. */
static int split_lines(char *text, char **argv)
{
	int argc = 0;

	argv[argc++] = (char *)"stubdom-dm";
	for (char *line = strtok(text, "\n"); line && argc < ARGS_MAX - 1;
	     line = strtok(NULL, "\n"))
		argv[argc++] = line;
	argv[argc] = NULL;
	return argc;
}

/* As main does it, from nothing but the line. */
static int build(int argc, char **argv, struct plan *plan, struct err *err)
{
	struct stubopt options;
	struct args args;
	int rc;

	memset(plan, 0, sizeof(*plan));
	if (args_split(argc, argv, &args, err) < 0)
		return -1;
	stubopt_init(&options);
	rc = stubopt_load(&options, "/nonexistent", &args, err);
	if (rc == 0)
		rc = plan_build(&args, &options, plan, err);
	if (rc == 0)
		plan_set_memory(plan, &manifest);
	stubopt_free(&options);
	args_free(&args);
	return rc;
}

/* True of every plan, for any line. */
static void check_sane(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		assert_true(channel_name_valid(plan->channels[i].name));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(plan->channels[i].name,
						plan->channels[k].name);
	}
	for (size_t i = 0; i < plan->n_qemu; i++) {
		if (strstr(plan->qemu[i], "/var/run/xen") ||
		    strstr(plan->qemu[i], "fd=") || strstr(plan->qemu[i], "-emu"))
			fail_msg("%s: QEMU is told of dom0: %s", name, plan->qemu[i]);
	}
	assert_null(plan->qemu[plan->n_qemu]);
	assert_true(plan->memory_mb >= 32);
}

/* The reads and writes of this process so far; 0 if this kernel does not count them. */
static unsigned long transfers(void)
{
	FILE *f = fopen("/proc/self/io", "r");
	unsigned long reads = 0, writes = 0;

	if (f && fscanf(f, "rchar: %*u wchar: %*u syscr: %lu syscw: %lu", &reads,
			&writes) != 2)
		reads = writes = 0;
	if (f)
		fclose(f);
	return reads + writes;
}

/* The relay, another program, has the same disks, and one channel more. */
static void check_handover(const struct plan *plan, const json_t *tree)
{
	struct plan got;
	struct err err;
	json_t *got_tree;
	json_t *schema = json_pack("[{s:s}]", "name", "str");
	json_t *got_schema;
	const unsigned long before = transfers();
	int fd = plan_hand_over(plan, schema, &err);

	assert_true(fd >= 0);
	assert_int_equal(plan_take_over(fd, &got, &got_schema, &err), 0);
	/* In large pieces: QEMU's real schema has 80 KB. */
	assert_true(transfers() - before < 16);
	assert_true(json_equal(schema, got_schema));
	assert_int_equal(got.n_channels, plan->n_channels + 1);
	assert_int_equal(got.channels[plan->n_channels].kind, STUBDOM_CHANNEL_RESTORE);
	got_tree = plan_to_json(&got);
	json_array_remove(json_object_get(got_tree, "channels"), plan->n_channels);
	assert_true(json_equal(json_object_get(got_tree, "channels"),
			       json_object_get(tree, "channels")));
	assert_int_equal(got.log, plan->log);
	assert_string_equal(got.machine, plan->machine);
	assert_int_equal(got.n_disks, plan->n_disks);
	for (size_t i = 0; i < plan->n_disks; i++) {
		assert_string_equal(got.disks[i].dev, plan->disks[i].dev);
		assert_string_equal(got.disks[i].target, plan->disks[i].target);
		assert_int_equal(got.disks[i].readonly, plan->disks[i].readonly);
	}
	json_decref(got_schema);
	fd = plan_hand_over_schema(schema, &err);
	assert_true(fd >= 0);
	got_schema = plan_take_over_schema(fd);
	assert_true(json_equal(schema, got_schema));
	json_decref(got_schema);
	json_decref(schema);
	json_decref(got_tree);
	plan_free(&got);
}

static void check_one(const char *name)
{
	char path[512];
	char *argv[ARGS_MAX];
	char *text;
	char *json;
	json_t *tree;
	struct plan plan;
	struct err err;

	snprintf(path, sizeof(path), "%s/%s.argv", corpus, name);
	text = read_all(path);
	if (build(split_lines(text, argv), argv, &plan, &err) < 0)
		fail_msg("%s: %s", name, err.msg);
	check_sane(&plan, name);
	plan.machine = strdup("xenfv-4.2"); /* as of an image that says so */
	tree = plan_to_json(&plan);
	check_handover(&plan, tree);
	json = json_dumps(tree, JSON_INDENT(1));
	snprintf(path, sizeof(path), "%s/%s.json", corpus, name);
	if (update) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fprintf(f, "%s\n", json);
		fclose(f);
	} else {
		char *golden = read_all(path);

		if (strncmp(golden, json, strlen(json)) != 0 ||
		    strcmp(golden + strlen(json), "\n") != 0)
			fail_msg("%s: the plan is not that of %s:\n%s", name, path, json);
		free(golden);
	}
	free(json);
	json_decref(tree);
	plan_free(&plan);
	free(text);
}

static void test_corpus(void **state)
{
	struct dirent **list = NULL;
	int n = scandir(corpus, &list, NULL, alphasort);
	int n_checked = 0;

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char *dot = strrchr(list[i]->d_name, '.');

		if (dot && strcmp(dot, ".argv") == 0) {
			*dot = '\0';
			check_one(list[i]->d_name);
			n_checked++;
		}
		free(list[i]);
	}
	free(list);
	assert_true(n_checked >= CORPUS_LEAST);
}

/* Runs a JSON array of strings as a line; returns the error's text. */
static const char *refusal_of(const json_t *line, struct err *err)
{
	char *argv[ARGS_MAX] = {(char *)"stubdom-dm"};
	int argc = 1;
	struct plan plan;
	const json_t *v;
	size_t i;

	json_array_foreach(line, i, v) {
		assert_true(argc < ARGS_MAX - 1);
		argv[argc++] = (char *)json_string_value(v);
	}
	if (build(argc, argv, &plan, err) == 0) {
		plan_free(&plan);
		return "(accepted)";
	}
	assert_int_equal(err->code, ERR_USAGE);
	assert_null(plan.qemu);
	assert_null(strchr(err->msg, '\n'));
	return err->msg;
}

static void test_rejected(void **state)
{
	char path[512];
	json_error_t why;
	json_t *list;
	json_t *entry;
	size_t i;

	snprintf(path, sizeof(path), "%s/rejected.json", corpus);
	list = json_load_file(path, 0, &why);
	if (!list)
		fail_msg("%s: %s", path, why.text);
	json_array_foreach(list, i, entry) {
		const char *expected = json_string_value(json_object_get(entry, "error"));
		struct err err;
		const char *got = refusal_of(json_object_get(entry, "argv"), &err);

		if (update)
			json_object_set_new(entry, "error", json_string(got));
		else if (!expected || strcmp(got, expected) != 0)
			fail_msg("entry %zu: got '%s'\nexpected '%s'", i, got, expected);
	}
	assert_true(json_array_size(list) >= REJECTED_LEAST);
	if (update)
		assert_int_equal(json_dump_file(list, path, JSON_INDENT(1)), 0);
	json_decref(list);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_rejected),
	};
	struct err err;
	int rc;

	if (argc < 2 || manifest_parse("/img", SAMPLE_MANIFEST, strlen(SAMPLE_MANIFEST),
				       &manifest, &err) < 0)
		return 2;
	corpus = argv[1];
	update = argc > 2 && strcmp(argv[2], "--update") == 0;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	manifest_free(&manifest);
	return rc;
}
