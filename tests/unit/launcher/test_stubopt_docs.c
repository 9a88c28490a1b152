/* SPDX-License-Identifier: MIT */
/* Texts made from the table of our own options: manual pages, docs, completions. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/stubopt.h"

enum { COLUMNS = 88, TAB = 8 };

static const char *root;
static bool update;

/* A manual page's paragraph: each line begins with a tab. */
static void put_wrapped(FILE *f, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column && column + 1 + word > COLUMNS)
			column = 0;
		if (!column)
			column =
				TAB + (size_t)fprintf(f, "\n\t%.*s", (int)word, text) - 2;
		else
			column += (size_t)fprintf(f, " %.*s", (int)word, text);
		text += word;
		text += strspn(text, " ");
	}
}

static void put_manual(FILE *f, const char *equals, const char *between)
{
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];
		char *values = stubopt_key_values(key, between);
		const char *mark = key->words ? "*" : "_";
		char help[1024];

		fprintf(f, "*%s*%s%s%s%s", key->name, equals, mark, values, mark);
		snprintf(help, sizeof(help), "%s Default: %s.", key->help,
			 stubopt_key_default(key));
		put_wrapped(f, help);
		fputs("\n\n", f);
		free(values);
	}
}

static void put_dm(FILE *f)
{
	put_manual(f, "=", "*|*");
}

static void put_conf(FILE *f)
{
	put_manual(f, " = ", "* | *");
}

static void put_table(FILE *f)
{
	fputs("\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n", f);
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];
		const char *code = key->initial ? "`" : "";

		fprintf(f, "| `%s` | %s | %s%s%s | %s |\n", key->name, key->what, code,
			stubopt_key_default(key), code, key->brief);
	}
	fputs("\n", f);
}

static void put_samples(FILE *f)
{
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];

		fprintf(f, "#%s = %s\n", key->name,
			key->sample ? key->sample : key->initial);
	}
}

static void put_words(FILE *f)
{
	fputs("_stubdom_keys='", f);
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];

		if (!key->words)
			fprintf(f, "%s=\n", key->name);
		for (size_t k = 0; key->words && key->words[k]; k++)
			fprintf(f, "%s=%s\n", key->name, key->words[k]);
	}
	fputs("'\n", f);
}

/* For fish: a list, one word a line. */
static void put_list(FILE *f)
{
	fputs("set -g _stubdom_keys", f);
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];

		if (!key->words)
			fprintf(f, " \\\n\t%s=", key->name);
		for (size_t k = 0; key->words && key->words[k]; k++)
			fprintf(f, " \\\n\t%s=%s", key->name, key->words[k]);
	}
	fputs("\n", f);
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	if (!f || fread(text, 1, (1 << 20) - 1, f) == 0)
		fail_msg("%s cannot be read", path);
	fclose(f);
	return text;
}

/* Between the lines that say 'keys: begin' and 'keys: end'. */
static void check_part(const char *file, void (*put)(FILE *f))
{
	char path[512];
	char *text, *begin, *end, *part = NULL;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, file);
	text = read_file(path);
	begin = strstr(text, "keys: begin");
	begin = begin ? strchr(begin, '\n') : NULL;
	end = begin ? strstr(begin, "keys: end") : NULL;
	if (!end)
		fail_msg("%s has no place for the keys", path);
	begin++;
	while (end[-1] != '\n')
		end--;
	f = open_memstream(&part, &len);
	put(f);
	fclose(f);
	if (update) {
		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "%.*s%s%s", (int)(begin - text), text, part, end);
		fclose(f);
	} else if ((size_t)(end - begin) != len || memcmp(begin, part, len) != 0) {
		fail_msg(
			"%s differs from launcher/plan/stubopt_keys.c: run 'make golden'",
			path);
	}
	free(part);
	free(text);
}

static void test_made_from_the_table(void **state)
{
	check_part("docs/man/stubdom-dm.8.scd", put_dm);
	check_part("docs/man/stubdom.conf.5.scd", put_conf);
	check_part("docs/interface.md", put_table);
	check_part("packaging/stubdom.conf", put_samples);
	check_part("cli/completion/stubdom.bash", put_words);
	check_part("cli/completion/_stubdom", put_words);
	check_part("cli/completion/stubdom.fish", put_list);
}

/* In order, whole, and each default and sample is a value that the key takes. */
static void test_table(void **state)
{
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];
		struct stubopt opt;
		struct err err;

		if (i > 0)
			assert_true(strcmp(stubopt_keys[i - 1].name, key->name) < 0);
		assert_true(key->words || key->sign);
		assert_non_null(stubopt_key_default(key));
		assert_true(key->sample || key->initial);
		stubopt_init(&opt);
		if (key->initial)
			assert_int_equal(stubopt_key_set(&opt, key, key->initial, &err),
					 0);
		if (key->sample)
			assert_int_equal(stubopt_key_set(&opt, key, key->sample, &err),
					 0);
		stubopt_free(&opt);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_made_from_the_table),
	};

	if (argc < 2)
		return 2;
	root = argv[1];
	update = argc > 2 && strcmp(argv[2], "--update") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
