/* SPDX-License-Identifier: MIT */
/* stubdom crashes: the stub domains that have died, and the evidence of each. */
#include <stdio.h>
#include <string.h>

#include "clean.h"
#include "cleanup.h"
#include "crash.h"
#include "guest_json.h"
#include "table.h"
#include "term.h"
#include "verb.h"

enum { CRASHES_VERSION = 1, LOG_LINES = 20, TEXT_MAX = 1024 };

/* A fact for people: a stub domain's words may be in it. */
static const char *fact(const json_t *crash, const char *key, char out[TEXT_MAX])
{
	const json_t *value = json_object_get(crash, key);
	const char *text = json_string_value(value);

	snprintf(out, TEXT_MAX, "%s", text ? text : "");
	clean_string(out);
	return out;
}

static int print_json(const struct crash_dir *dir, const char *only, struct err *err)
{
	cleanup_json json_t *root =
		json_pack("{s:i, s:[]}", "version", CRASHES_VERSION, "crashes");

	for (size_t i = 0; i < dir->n; i++) {
		json_t *one;

		if (only && strcmp(dir->names[i], only) != 0)
			continue;
		one = crash_read(dir, dir->names[i], err);
		if (!one && only)
			return -1;
		/* One that was removed meanwhile is no fault. */
		if (one)
			json_array_append_new(json_object_get(root, "crashes"), one);
	}
	guest_print_json(root);
	return 0;
}

static int print_table(const struct crash_dir *dir, struct err *err)
{
	static const struct table_column columns[] = {
		{"TIME", false}, {"GUEST", false}, {"THEN", false},
		{"NAME", false}, {"WHY", false},
	};
	struct table table;
	int rc = 0;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; rc == 0 && i < dir->n; i++) {
		cleanup_json json_t *one = crash_read(dir, dir->names[i], err);
		char time[TEXT_MAX], guest[TEXT_MAX], then[TEXT_MAX], why[TEXT_MAX];
		bool started = json_is_true(json_object_get(one, "running"));

		if (!one)
			continue;
		fact(one, "action", then);
		if (table_add(&table, err, "%s", fact(one, "time", time)) < 0 ||
		    table_add(&table, err, "%s", fact(one, "guest", guest)) < 0 ||
		    table_add(&table, err, "%s", started ? then : "no start") < 0 ||
		    table_add(&table, err, "%s", dir->names[i]) < 0 ||
		    table_add(&table, err, "%s", fact(one, "why", why)) < 0)
			rc = -1;
	}
	if (rc == 0)
		table_print(&table, stdout);
	table_free(&table);
	return rc;
}

static void print_field(const char *name, const char *value)
{
	if (*value)
		printf("%-12s %s\n", name, value);
}

/* The last lines of it; all: the whole. */
static void print_file(const struct crash_dir *dir, const char *name, const char *file,
		       bool all)
{
	cleanup_free char *text = crash_read_file(dir, name, file);
	const char *from = text;

	if (!text || !*text)
		return;
	if (!all) {
		int lines = 0;

		for (from = text + strlen(text) - 1; from > text; from--)
			if (from[-1] == '\n' && ++lines == LOG_LINES)
				break;
	}
	printf("\n%s:\n", file);
	term_write_foreign(stdout, from, strlen(from));
}

static int print_one(const struct crash_dir *dir, const char *name, struct err *err)
{
	static const char *const keys[] = {"time", "guest", "why",   "kernel",
					   "type", "qemu",  "image", "image_mark"};
	cleanup_json json_t *one = crash_read(dir, name, err);
	char text[TEXT_MAX];

	if (!one)
		return -1;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		print_field(keys[i], fact(one, keys[i], text));
	print_field("then", json_is_true(json_object_get(one, "running"))
				    ? fact(one, "action", text)
				    : "no start");
	printf("%-12s " CRASHDIR "/%s\n", "folder", name);
	if (crash_has_core(dir, name))
		printf("%-12s " CRASHDIR "/%s/" CRASH_FILE_CORE "\n", "core", name);
	print_file(dir, name, CRASH_FILE_KERNEL, true);
	print_file(dir, name, CRASH_FILE_LOG, false);
	return 0;
}

static int print(const struct crash_dir *dir, const char *wanted, int form,
		 struct err *err)
{
	const char *name = wanted ? crash_find(dir, wanted) : NULL;

	if (wanted && !name)
		return err_set(err, ERR_GUEST,
			       "no crash evidence of '%s'; 'stubdom crashes' lists what "
			       "there is",
			       wanted);
	if (form == 'j')
		return print_json(dir, name, err);
	if (name && form == 0)
		return print_one(dir, name, err);
	if (form == 0)
		return print_table(dir, err);
	for (size_t i = 0; i < dir->n; i++)
		if (!name || strcmp(dir->names[i], name) == 0)
			puts(dir->names[i]);
	return 0;
}

int verb_crashes(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'}, {"names", no_argument, NULL, 'n'}, {0}};
	struct crash_dir dir;
	int form = 0, c, rc;

	while ((c = verb_getopt(argc, argv, "", names, err)) != -1) {
		if (c == '?')
			return -1;
		if (form && form != c)
			return verb_usage_error(argv[0], err,
						"--json and --names exclude each other");
		form = c;
	}
	if (argc - optind > 1)
		return verb_usage_error(argv[0], err, "expected one NAME at most");
	if (crash_dir_open(&dir, CRASHDIR, err) < 0)
		return -1;
	rc = print(&dir, optind < argc ? argv[optind] : NULL, form, err);
	crash_dir_close(&dir);
	return rc;
}
