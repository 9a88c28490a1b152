/* SPDX-License-Identifier: MIT */
/* The filter for foreign text: whole, in pieces, in place. */
#include "unit.h"

#include <string.h>

#include "clean.h"

static void check(const char *in, const char *want)
{
	char text[64];
	char out[64 + CLEAN_HELD_MAX];

	strcpy(text, in);
	clean_string(text);
	assert_string_equal(text, want);
	/* The same wherever it is cut. */
	for (size_t cut = 0; cut <= strlen(in); cut++) {
		struct clean clean = {0};
		size_t n = clean_next(&clean, CLEAN_NONE, in, cut, out);

		n += clean_next(&clean, CLEAN_NONE, in + cut, strlen(in) - cut, out + n);
		n += clean_end(&clean, out + n);
		out[n] = '\0';
		assert_string_equal(out, want);
	}
	/* And byte by byte. */
	{
		struct clean clean = {0};
		size_t n = 0;

		for (size_t i = 0; i < strlen(in); i++)
			n += clean_next(&clean, CLEAN_NONE, in + i, 1, out + n);
		n += clean_end(&clean, out + n);
		out[n] = '\0';
		assert_string_equal(out, want);
	}
}

static void test_passes(void **state)
{
	check("", "");
	check("plain text ~", "plain text ~");
	check("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7 \xc2\xa0",
	      "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7 \xc2\xa0");
	check("\xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf",
	      "\xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf");
}

static void test_controls(void **state)
{
	check("\001\033[31m\007\x7f\t\n\r", "??[31m?????");
	check("\xc2\x80 \xc2\x9b"
	      "31m \xc2\x9d"
	      "0;x\xc2\x9c \xc2\x9f",
	      "? ?31m ?0;x? ?");
	check("a\xe2\x80\xa8"
	      "b\xe2\x80\xae"
	      "c\xe2\x81\xa6"
	      "d\xd8\x9c"
	      "e\xe2\x80\x8e",
	      "a?b?c?d?e?");
}

static void test_no_utf8(void **state)
{
	check("\x9b"
	      "31m \xff\xfe",
	      "?31m ??");
	check("\xc0\x80 \xc1\xbf", "?? ??");		    /* too long a form */
	check("\xe0\x82\x9b \xf0\x80\x82\x9b", "??? ????"); /* of U+009B */
	check("\xed\xa0\x80", "???");			    /* a surrogate */
	check("\xf4\x90\x80\x80 \xf5\x80", "???? ??");
	check("\xc2", "?");
	check("\xe2\x82 \xf0\x9f\x90", "?? ???");
	check("\xc2\xc2\x9b", "??");
	check("\xe2\xc2\x9b", "??");
}

static void test_keep(void **state)
{
	char text[] = "a\tb\r\nc\0d";
	size_t n = clean_text(text, sizeof(text) - 1,
			      CLEAN_TAB | CLEAN_NEWLINE | CLEAN_RETURN);

	assert_int_equal(n, sizeof(text) - 1);
	assert_memory_equal(text, "a\tb\r\nc?d", n);
	assert_int_equal(clean_text(text, n, CLEAN_TAB), n);
	assert_memory_equal(text, "a\tb??c?d", n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_no_utf8),
		cmocka_unit_test(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
