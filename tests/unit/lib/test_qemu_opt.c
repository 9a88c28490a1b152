/* SPDX-License-Identifier: MIT */
/* QEMU's option syntax: every escape, and written back as it came. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_opt.h"

#define MAX_PAIRS 6

struct sample {
	const char *text;
	const char *implied;
	const char *again; /* when written anew; NULL: as text */
	size_t n;
	struct {
		const char *name, *value;
	} pairs[MAX_PAIRS];
};

static const struct sample samples[] = {
	{"", NULL, NULL, 0, {{0}}},
	{"", "first", NULL, 0, {{0}}},
	{"a=b", NULL, NULL, 1, {{"a", "b"}}},
	{"a=b,c=d", NULL, NULL, 2, {{"a", "b"}, {"c", "d"}}},
	{"a=b,", NULL, "a=b", 1, {{"a", "b"}}},
	{"a=", NULL, NULL, 1, {{"a", ""}}},
	{"a=,b=c", NULL, NULL, 2, {{"a", ""}, {"b", "c"}}},
	{"a=b=c", NULL, NULL, 1, {{"a", "b=c"}}},
	{"a=b,,c", NULL, NULL, 1, {{"a", "b,c"}}},
	{"a=,,", NULL, NULL, 1, {{"a", ","}}},
	{"a=,,,b=c", NULL, NULL, 2, {{"a", ","}, {"b", "c"}}},
	{"a=,,,,b=c", NULL, NULL, 1, {{"a", ",,b=c"}}},
	{"a=x,,,,y,,", NULL, NULL, 1, {{"a", "x,,y,"}}},
	{"file=/x,,y,,z,if=ide", NULL, NULL, 2, {{"file", "/x,y,z"}, {"if", "ide"}}},
	{"x,a=b", "first", NULL, 2, {{"first", "x"}, {"a", "b"}}},
	{"x,,y,a=b", "first", NULL, 2, {{"first", "x,y"}, {"a", "b"}}},
	{"x,,y=z", "first", NULL, 1, {{"first", "x,y=z"}}},
	{"x=y,a=b", "first", NULL, 2, {{"x", "y"}, {"a", "b"}}},
	{"first=x,a=b", "first", NULL, 2, {{"first", "x"}, {"a", "b"}}},
	{",a=b", "first", "first=,a=b", 2, {{"first", ""}, {"a", "b"}}},
	{",,", "first", NULL, 1, {{"first", ","}}},
	{"server,nowait", NULL, NULL, 2, {{"server", "on"}, {"wait", "off"}}},
	{"/s,server,nowait",
	 "path",
	 NULL,
	 3,
	 {{"path", "/s"}, {"server", "on"}, {"wait", "off"}}},
	{"no", NULL, NULL, 1, {{"no", "on"}}},
	{"none", NULL, NULL, 1, {{"ne", "off"}}},
	{"none", "vnc", NULL, 1, {{"vnc", "none"}}},
	{"a=1,a=2", NULL, NULL, 2, {{"a", "1"}, {"a", "2"}}},
	{"a= b c ", NULL, NULL, 1, {{"a", " b c "}}},
	{"a=\"x\"\\,b=ü", NULL, NULL, 2, {{"a", "\"x\"\\"}, {"b", "ü"}}},
	{"{a=b", NULL, NULL, 1, {{"{a", "b"}}},
	{"file.driver=file,file.filename=/x",
	 NULL,
	 NULL,
	 2,
	 {{"file.driver", "file"}, {"file.filename", "/x"}}},
};

/* As if it had been changed. */
static void forget_text(struct qemu_opts *opts)
{
	free(opts->text);
	opts->text = NULL;
}

static void check_format(const struct qemu_opts *opts, const char *expected)
{
	char *text = qemu_opts_format(opts);

	assert_string_equal(text, expected);
	free(text);
}

static void test_samples(void **state)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct qemu_opts opts;
		struct err err;

		assert_int_equal(qemu_opts_parse(s->text, s->implied, false, &opts, &err),
				 0);
		if (opts.n != s->n)
			fail_msg("'%s': %zu options, expected %zu", s->text, opts.n,
				 s->n);
		for (size_t k = 0; k < s->n; k++) {
			assert_string_equal(opts.list[k].name, s->pairs[k].name);
			assert_string_equal(opts.list[k].value, s->pairs[k].value);
		}
		check_format(&opts, s->text);
		forget_text(&opts);
		check_format(&opts, s->again ? s->again : s->text);
		qemu_opts_free(&opts);
	}
}

/*
 * Parsed, written anew and parsed again: the same, for every short text of these
 * bytes.
 */
static void test_every_short_text(void **state)
{
	static const char alphabet[] = "a=,n";
	size_t n_texts = 0;

	for (unsigned code = 0; code < 4096 * 4; code++) {
		const char *implied = code & 1 ? "i" : NULL;
		char text[8] = "";
		struct qemu_opts first;
		struct qemu_opts again;
		struct err err;
		char *out;

		for (unsigned k = 0, c = code >> 1; k < 6; k++, c >>= 2)
			text[k] = alphabet[c & 3];
		text[code % 7] = '\0';
		if (qemu_opts_parse(text, implied, false, &first, &err) < 0)
			continue;
		n_texts++;
		forget_text(&first);
		out = qemu_opts_format(&first);
		assert_int_equal(qemu_opts_parse(out, implied, false, &again, &err), 0);
		assert_int_equal(first.n, again.n);
		for (size_t k = 0; k < first.n; k++) {
			assert_string_equal(first.list[k].name, again.list[k].name);
			assert_string_equal(first.list[k].value, again.list[k].value);
		}
		free(out);
		qemu_opts_free(&first);
		qemu_opts_free(&again);
	}
	assert_true(n_texts > 1000);
}

static void test_change(void **state)
{
	struct qemu_opts opts;
	struct err err;

	assert_int_equal(
		qemu_opts_parse("tap,br=x,a=1,a=2,server", "type", false, &opts, &err),
		0);
	assert_string_equal(qemu_opts_get(&opts, "a"), "2");
	assert_null(qemu_opts_get(&opts, "b"));
	qemu_opts_set(&opts, "a", "3,4");
	qemu_opts_remove(&opts, "br");
	qemu_opts_remove(&opts, "not-there");
	qemu_opts_set(&opts, "new", "n=1");
	check_format(&opts, "tap,a=3,,4,server,new=n=1");
	qemu_opts_set(&opts, "type", "x=y");
	check_format(&opts, "type=x=y,a=3,,4,server,new=n=1");
	qemu_opts_set(&opts, "server", "off");
	check_format(&opts, "type=x=y,a=3,,4,server=off,new=n=1");
	qemu_opts_remove(&opts, "type");
	check_format(&opts, "a=3,,4,server=off,new=n=1");
	qemu_opts_free(&opts);
}

static void test_bool(void **state)
{
	struct qemu_opts opts;
	struct err err;

	assert_int_equal(
		qemu_opts_parse("a,nob,c=yes,d=false,e=2", NULL, false, &opts, &err), 0);
	assert_int_equal(qemu_opts_get_bool(&opts, "a", false), 1);
	assert_int_equal(qemu_opts_get_bool(&opts, "b", true), 0);
	assert_int_equal(qemu_opts_get_bool(&opts, "c", false), 1);
	assert_int_equal(qemu_opts_get_bool(&opts, "d", true), 0);
	assert_int_equal(qemu_opts_get_bool(&opts, "e", true), -1);
	assert_int_equal(qemu_opts_get_bool(&opts, "f", true), 1);
	assert_int_equal(qemu_opts_get_bool(&opts, "f", false), 0);
	qemu_opts_free(&opts);
}

static void test_json(void **state)
{
	static const char text[] =
		"{ \"driver\":\"qcow2\", \"n\":5, \"on\":true, \"off\":false,"
		" \"r\":0.5, \"nil\":null, \"list\":[\"x\",{\"y\":1}],"
		" \"file\":{\"driver\":\"file\",\"filename\":\"/a,b\"}, \"d.ot\":1 }";
	struct qemu_opts opts;
	struct err err;

	assert_int_equal(qemu_opts_parse(text, "driver", true, &opts, &err), 0);
	check_format(&opts, text);
	assert_string_equal(qemu_opts_get(&opts, "n"), "5");
	assert_int_equal(qemu_opts_get_bool(&opts, "on", false), 1);
	assert_int_equal(qemu_opts_get_bool(&opts, "off", true), 0);
	assert_string_equal(qemu_opts_get(&opts, "r"), "0.5");
	assert_string_equal(qemu_opts_get(&opts, "nil"), "null");
	assert_string_equal(qemu_opts_get(&opts, "list.0"), "x");
	assert_string_equal(qemu_opts_get(&opts, "list.1.y"), "1");
	qemu_opts_set(&opts, "file.filename", "/dev/xvda");
	qemu_opts_set(&opts, "list.0", "z");
	qemu_opts_set(&opts, "d.ot", "two");
	qemu_opts_set(&opts, "new", "v");
	qemu_opts_remove(&opts, "nil");
	qemu_opts_remove(&opts, "list.1.y");
	check_format(&opts,
		     "{\"driver\":\"qcow2\",\"n\":5,\"on\":true,\"off\":false,"
		     "\"r\":0.5,\"list\":[\"z\",{}],\"file\":{\"driver\":\"file\","
		     "\"filename\":\"/dev/xvda\"},\"d.ot\":\"two\",\"new\":\"v\"}");
	qemu_opts_free(&opts);
}

static void check_refused(const char *text, const char *implied, bool json,
			  const char *expected)
{
	struct qemu_opts opts;
	struct err err;

	assert_int_equal(qemu_opts_parse(text, implied, json, &opts, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	if (!strstr(err.msg, expected))
		fail_msg("'%.60s': '%s' does not say '%s'", text, err.msg, expected);
	assert_int_equal(opts.n, 0);
	assert_null(opts.list);
}

static void test_refused(void **state)
{
	static char big[QEMU_OPTS_TEXT_MAX + 2];
	char deep[256] = "";

	check_refused("=b", NULL, false, "option 1 in it has no name");
	check_refused(",", NULL, false, "option 1 in it has no name");
	check_refused("a=b,,,,c=d,=e", NULL, false, "option 2 in it has no name");
	check_refused("a,,b", NULL, false, "written twice");
	check_refused("{", NULL, true, "bad JSON at byte");
	check_refused("{\"a\":1,\"a\":2}", NULL, true, "duplicate");
	check_refused("{\"a\":1} x", NULL, true, "bad JSON");
	check_refused("{\"a\":\"\xff\"}", NULL, true, "bad JSON");
	memset(big, 'a', sizeof(big) - 1);
	check_refused(big, "i", false, "longer than 65536 bytes");
	for (size_t i = 0; i < 2 * (QEMU_OPTS_MAX + 1); i += 2)
		memcpy(big + i, "a,", 2);
	big[2 * (QEMU_OPTS_MAX + 1)] = '\0';
	check_refused(big, NULL, false, "more than 512 options");
	for (int i = 0; i < QEMU_OPTS_DEPTH_MAX + 2; i++)
		strcat(deep, "{\"a\":");
	strcat(deep, "1");
	for (int i = 0; i < QEMU_OPTS_DEPTH_MAX + 2; i++)
		strcat(deep, "}");
	check_refused(deep, NULL, true, "deeper than 16 levels");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_every_short_text),
		cmocka_unit_test(test_change),	cmocka_unit_test(test_bool),
		cmocka_unit_test(test_json),	cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
