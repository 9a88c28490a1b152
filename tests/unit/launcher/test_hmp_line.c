/* SPDX-License-Identifier: MIT */
/* Lines at a human monitor of its own: typed at once, edited, completed, from the history. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "relay/hmp_line.h"

static struct hmp_line line;

static int set_up(void **state)
{
	memset(&line, 0, sizeof(line));
	return 0;
}

/* The answer to the last of these bytes; none before it may have one. */
static const char *type(const char *text, size_t expected)
{
	const char *refusal = NULL;
	size_t length = 0;

	for (; *text; text++) {
		assert_null(refusal);
		refusal = hmp_line_type(&line, *text, &length);
	}
	if (refusal)
		assert_int_equal(length, expected);
	return refusal;
}

static void echo(const char *text)
{
	hmp_line_echo(&line, text, strlen(text));
}

static void test_typed(void **state)
{
	static const char *const refused[] = {"block_resize ide0-hd0 1G\n",
					      "  block_resize x 1\r",
					      "savevm a\n",
					      "snapshot_blkdev_internal ide0-hd0 s\n",
					      "change ide1-cd0 /a.iso\n",
					      "blocx\177k_resize a 2\n",
					      "blocx\bk_resize a 2\n"};
	static const char *const passed[] = {"info block\n",
					     "block_resizer\n",
					     "change vnc password\n",
					     "\n",
					     "\177\177\n",
					     "info block_resize\n",
					     "x\177info name\n",
					     "qblock_resize\n"};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		size_t length = strlen(refused[i]) - 1;

		if (strpbrk(refused[i], "\b\177"))
			length -= 2;
		assert_non_null(type(refused[i], length));
	}
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		assert_null(type(passed[i], 0));
	assert_non_null(
		strstr(type("block_resize a 1\n", 16), "xl qemu-monitor-command"));
}

/* As QEMU 10's util/readline.c says it. */
static void test_completed(void **state)
{
	echo("QEMU 10.0 monitor - type 'help' for more information\r\n(qemu) ");
	assert_null(type("block_r\t", 0));
	echo("b\033[K\033[D(qemu) ");
	echo("\033[D\033[D\033[D\033[D\033[D\033[D\033[Dblock_resize \033[K");
	assert_null(type("h 1", 0));
	echo("\033[Dblock_resize h 1\033[K");
	assert_non_null(type("\r", 16));
	assert_null(type("info name\r", 0));
}

static void test_history(void **state)
{
	assert_null(type("\033[A", 0)); /* up */
	echo("\r\n(qemu) info name\033[K");
	assert_null(type("\r", 0));
	assert_null(type("\001", 0)); /* to the line's begin */
	echo("(qemu) lock_resize a 1\033[K\033[D\033[12D");
	assert_null(type("b", 0));
	echo("block_resize a 1\033[K\033[15D");
	assert_non_null(type("\r", 16));
}

/* Bytes that come faster than QEMU shows what it has made of them. */
static void test_not_shown(void **state)
{
	assert_non_null(type("block_r\th 1\r", HMP_LINE_STAYS));
	echo("(qemu) block_res\033[K"); /* before it saw TAB */
	assert_non_null(type("\r", HMP_LINE_STAYS));
	echo("\033[9Dblock_resize h 1~\033[K\033[24D");
	echo("block_resize h 1\033[K");
	assert_non_null(strstr(type("\r", 16), "xl qemu-monitor-command"));
	assert_null(type("info na\t", 0));
	assert_non_null(strstr(type("\r", HMP_LINE_STAYS), "press Enter again"));
	echo("(qemu) info name ~\033[K\033[10Dinfo name \033[K");
	assert_null(type("\r", 0));
	assert_null(hmp_line_type(&line, '\0', &(size_t){0})); /* CR NUL, by telnet */
	assert_null(type("info name\r", 0));
}

/* QEMU drops what has no room, so as many backspaces as it took leave nothing. */
static void test_full(void **state)
{
	size_t length;

	assert_null(type("help ", 0));
	for (unsigned i = 0; i < 5000; i++)
		assert_null(hmp_line_type(&line, 'a', &length));
	for (unsigned i = 0; i < HMP_LINE_MAX; i++)
		assert_null(hmp_line_type(&line, '\177', &length));
	assert_non_null(type("block_resize a 1\n", 16));
}

/* The one byte that begins an escape sequence as ESC [ does. */
static void test_eight_bits(void **state)
{
	assert_null(type("resize a 1\2331~block_", 0));
	echo("(qemu) block_resize a 1\033[K\033[10D");
	assert_non_null(type("\r", 16));
}

/* However long, whatever bytes. */
static void test_bounds(void **state)
{
	size_t length;

	for (unsigned i = 0; i < 100000; i++) {
		char c = (char)(i * 7919 >> 3);

		hmp_line_type(&line, (char)(c == '\n' || c == '\r' ? 'x' : c), &length);
		hmp_line_echo(&line, &c, 1);
	}
	assert_non_null(hmp_line_type(&line, '\n', &length));
	assert_int_equal(length, HMP_LINE_STAYS);
	hmp_line_echo(&line, "~\033[K", 4);
	assert_null(hmp_line_type(&line, '\n', &length));
	assert_null(type("savevm ", 0));
	for (unsigned i = 0; i < 9000; i++)
		assert_null(hmp_line_type(&line, 'a', &length));
	assert_non_null(hmp_line_type(&line, '\n', &length));
	assert_int_equal(length, HMP_LINE_MAX);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		T(test_typed), T(test_completed),  T(test_not_shown), T(test_history),
		T(test_full),  T(test_eight_bits), T(test_bounds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
