/* SPDX-License-Identifier: MIT */
/* HMP's own help as words to complete. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "hmp.h"

static const char help[] =
	"announce_self [interfaces] [id] -- Trigger GARP/RARP announcements\r\n"
	"block_resize device size -- resize a block image\r\n"
	"\r\n"
	"help|? [cmd] -- show the help\r\n"
	"info [subcommand] -- show various information about the system state\r\n"
	"quit|q  -- quit the emulator";

static void test_words(void **state)
{
	static const char *const want[] = {"announce_self", "block_resize", "help", "?",
					   "info",	    "quit",	    "q"};
	char **words = hmp_command_words(help);

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_non_null(words[i]);
		assert_string_equal(words[i], want[i]);
	}
	assert_null(words[sizeof(want) / sizeof(want[0])]);
	hmp_free_words(words);
}

static void test_complete(void **state)
{
	static const char *const words[] = {"info", "inject", "input", "quit", NULL};
	char *common;
	size_t n;

	common = hmp_complete((char *const *)words, "inj", &n);
	assert_string_equal(common, "inject");
	assert_int_equal(n, 1);
	free(common);
	common = hmp_complete((char *const *)words, "i", &n);
	assert_string_equal(common, "in");
	assert_int_equal(n, 3);
	free(common);
	assert_null(hmp_complete((char *const *)words, "x", &n));
	assert_int_equal(n, 0);
}

/* A hostile answer: no end of words, no word at all. */
static void test_odd_help(void **state)
{
	size_t size = 20000;
	char *text = malloc(size + 1);
	char **words;
	size_t n = 0;

	memset(text, '|', size);
	text[size] = '\0';
	words = hmp_command_words(text);
	assert_null(words[0]);
	hmp_free_words(words);
	for (size_t i = 0; i < size; i++)
		text[i] = i % 2 ? '\n' : 'a';
	words = hmp_command_words(text);
	while (words[n])
		n++;
	assert_true(n > 100 && n <= 4096);
	hmp_free_words(words);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_odd_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
