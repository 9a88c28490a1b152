/* SPDX-License-Identifier: MIT */
/* KEY=VALUE words as QMP commands. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "qmp_args.h"

static const struct {
	const char *words[6];
	const char *json;
} good[] = {
	{{"query-status"}, "{\"execute\": \"query-status\"}"},
	{{"eject", "device=ide1-cd0", "force=true"},
	 "{\"execute\": \"eject\", \"arguments\": {\"device\": \"ide1-cd0\", \"force\": true}}"},
	{{"balloon", "value=536870912"},
	 "{\"execute\": \"balloon\", \"arguments\": {\"value\": 536870912}}"},
	{{"x", "a=-1", "b=1.5", "c=null", "d=[1,\"2\"]", "e={\"f\":1}"},
	 "{\"execute\": \"x\", \"arguments\": {\"a\": -1, \"b\": 1.5, \"c\": null, "
	 "\"d\": [1, \"2\"], \"e\": {\"f\": 1}}}"},
	/*
	 * A quoted number is a string, and so is a text that only looks a little like
	 * one.
	 */
	{{"x", "a=\"3\"", "b=3x", "c=", "d=0x10", "e=on"},
	 "{\"execute\": \"x\", \"arguments\": {\"a\": \"3\", \"b\": \"3x\", \"c\": \"\", "
	 "\"d\": \"0x10\", \"e\": \"on\"}}"},
	{{"x", "a.b.c=1", "a.b.d=two", "a.e=true"},
	 "{\"execute\": \"x\", \"arguments\": {\"a\": {\"b\": {\"c\": 1, \"d\": \"two\"}, \"e\": true}}}"},
	{{"x", "a=b=c"}, "{\"execute\": \"x\", \"arguments\": {\"a\": \"b=c\"}}"},
	{{"{\"execute\": \"stop\", \"id\": 7}"}, "{\"execute\": \"stop\", \"id\": 7}"},
	{{"{\"exec-oob\": \"migrate-pause\"}"}, "{\"exec-oob\": \"migrate-pause\"}"},
};

static int count(const char *const words[])
{
	int n = 0;

	while (n < 6 && words[n])
		n++;
	return n;
}

static void test_good(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = {0};
		json_t *command;
		char *text;

		assert_int_equal(qmp_args_parse(count(good[i].words),
						(char *const *)good[i].words, &command,
						&err),
				 0);
		text = json_dumps(command, 0);
		assert_string_equal(text, good[i].json);
		free(text);
		json_decref(command);
	}
}

static const struct {
	const char *words[6];
	const char *says;
} bad[] = {
	{{"query status"}, "'query status' is no command's name"},
	{{"x", "a"}, "'a': expected KEY=VALUE"},
	{{"x", "=1"}, "'=1': expected KEY=VALUE"},
	{{"x", "a.=1"}, "'a.=1': expected KEY=VALUE"},
	{{"x", ".a=1"}, "is not an object"},
	{{"x", "a=1", "a=2"}, "'a=2': the key is given twice"},
	{{"x", "a=1", "a.b=2"}, "is not an object"},
	{{"x", "a={\"b\":"}, "the value is not JSON"},
	{{"x", "a=[1"}, "the value is not JSON"},
	{{"x", "a={\"b\":1,\"b\":2}"}, "the value is not JSON"},
	{{"x", "a=99999999999999999999"}, "the number is too large"},
	{{"x", "a=\xff"}, "not UTF-8"},
	{{"x", "\xff=1"}, "not UTF-8"},
	{{"{\"execute\": \"stop\""}, "the command is not JSON"},
	{{"{\"id\": 1}"}, "has no \"execute\""},
	{{"{\"execute\": \"stop\"}", "a=1"}, "'a=1': nothing may follow"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		json_t *command;

		assert_int_equal(qmp_args_parse(count(bad[i].words),
						(char *const *)bad[i].words, &command,
						&err),
				 -1);
		assert_null(command);
		assert_int_equal(err.code, ERR_USAGE);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("'%s' does not say '%s'", err.msg, bad[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
