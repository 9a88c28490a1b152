/* SPDX-License-Identifier: MIT */
/* Text tables and durations. */
#include "unit.h"

#include <stdlib.h>

#include "table.h"

static char *printed(const struct table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = tmpfile();

	table_print(table, out);
	size = (size_t)ftell(out);
	rewind(out);
	text = calloc(size + 1, 1);
	assert_int_equal(fread(text, 1, size, out), size);
	fclose(out);
	return text;
}

static void test_print(void **state)
{
	static const struct table_column columns[] = {
		{"NAME", false}, {"ID", true}, {"STATE", false}};
	struct table table;
	struct err err;
	char *text;

	table_init(&table, columns, 3);
	assert_int_equal(table_add(&table, &err, "%s", "gäst"), 0);
	assert_int_equal(table_add(&table, &err, "%d", 5), 0);
	assert_int_equal(table_add(&table, &err, "running"), 0);
	/* Empty cells show, control characters do not get through. */
	assert_int_equal(table_add(&table, &err, "longer-name"), 0);
	assert_int_equal(table_add(&table, &err, "12345"), 0);
	assert_int_equal(table_add(&table, &err, "a\033[2Jb"), 0);
	assert_int_equal(table_add(&table, &err, "%s", ""), 0);
	assert_int_equal(table_add(&table, &err, "%s", ""), 0);
	assert_int_equal(table_add(&table, &err, "%s", ""), 0);
	text = printed(&table);
	assert_string_equal(text, "NAME            ID  STATE\n"
				  "gäst             5  running\n"
				  "longer-name  12345  a?[2Jb\n"
				  "-                -  -\n");
	free(text);
	table_free(&table);
}

static void test_duration(void **state)
{
	char buf[32];

	assert_string_equal(table_duration(0, buf, sizeof(buf)), "00:00:00");
	assert_string_equal(table_duration(-5, buf, sizeof(buf)), "00:00:00");
	assert_string_equal(table_duration(3661, buf, sizeof(buf)), "01:01:01");
	assert_string_equal(table_duration(86399, buf, sizeof(buf)), "23:59:59");
	assert_string_equal(
		table_duration(3 * 86400 + 4 * 3600 + 5 * 60 + 6, buf, sizeof(buf)),
		"3d 04:05");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
