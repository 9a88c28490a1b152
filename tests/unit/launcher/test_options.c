/* SPDX-License-Identifier: MIT */
/* The table of QEMU's options: in order, whole, and the same as docs/options.md. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/options.h"

static const char *docs_path;
static bool update;

static void test_order(void **state)
{
	for (size_t i = 1; i < n_qemu_options; i++) {
		const char *a = qemu_options[i - 1].name;
		const char *b = qemu_options[i].name;

		if (strcmp(a, b) >= 0)
			fail_msg("'%s' stands before '%s'", a, b);
	}
}

static void test_find(void **state)
{
	for (size_t i = 0; i < n_qemu_options; i++) {
		char arg[64];

		snprintf(arg, sizeof(arg), "-%s", qemu_options[i].name);
		assert_ptr_equal(option_find(arg), &qemu_options[i]);
		snprintf(arg, sizeof(arg), "--%s", qemu_options[i].name);
		assert_ptr_equal(option_find(arg), &qemu_options[i]);
	}
	assert_null(option_find("-no-such-option"));
	assert_null(option_find("name"));
	assert_null(option_find("-"));
	assert_null(option_find(""));
	assert_null(option_find("---name"));
}

/* Every class gets the detail that its handler reads. */
static void test_details(void **state)
{
	for (size_t i = 0; i < n_qemu_options; i++) {
		const struct qemu_option *o = &qemu_options[i];

		switch (o->class) {
		case OPTION_DROP:
		case OPTION_REFUSE:
		case OPTION_NET:
		case OPTION_USBDEVICE:
			assert_non_null(o->why);
			break;
		case OPTION_REWRITE:
			assert_false(o->takes_value);
			assert_non_null(strchr(o->detail, ' '));
			break;
		case OPTION_CHECKED:
		case OPTION_DEVICE:
		case OPTION_PORT:
		case OPTION_DISK_FILE:
		case OPTION_FILE:
			assert_non_null(o->detail);
			assert_true(o->takes_value);
			break;
		default:
			break;
		}
	}
}

static char *make_table(void)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	fputs("# QEMU's options in a stub domain\n\nMade from `launcher/plan/options.c` by "
	      "`make golden`; do not edit.\n\n| option | what becomes of it |\n|---|---|\n",
	      f);
	for (size_t i = 0; i < n_qemu_options; i++) {
		const struct qemu_option *o = &qemu_options[i];
		bool reason = o->class == OPTION_DROP || o->class == OPTION_REFUSE;

		fprintf(f, "| `-%s%s` | %s%s%s |\n", o->name,
			o->takes_value ? " ..." : "", option_class_text(o->class),
			reason ? ": " : "", reason ? o->why : "");
	}
	fclose(f);
	return out;
}

static void test_docs(void **state)
{
	char *table = make_table();
	char *docs = calloc(1, 1 << 20);
	FILE *f = fopen(docs_path, update ? "w" : "r");

	assert_non_null(f);
	if (update)
		fputs(table, f);
	else
		assert_true(fread(docs, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	if (!update)
		assert_string_equal(docs, table);
	free(docs);
	free(table);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_docs),
	};

	if (argc < 2)
		return 2;
	docs_path = argv[1];
	update = argc > 2 && strcmp(argv[2], "--update") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
