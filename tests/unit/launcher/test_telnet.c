/* SPDX-License-Identifier: MIT */
/* Telnet's commands among a client's bytes. */
#include "unit.h"

#include <string.h>

#include "relay/telnet.h"

static void assert_left(struct telnet *telnet, const char *in, size_t len,
			const char *want)
{
	char data[64];
	size_t n;

	memcpy(data, in, len);
	n = telnet_filter(telnet, data, len);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(data, want, n);
}

static void test_filter(void **state)
{
	struct telnet telnet = {0};

	assert_left(&telnet, "info\r\n", 6, "info\r\n");
	assert_left(&telnet,
		    "a\xff\xfd\x01"
		    "b\xff\xf1"
		    "c",
		    8, "abc");
	/* 0xff itself; a command that two reads, or three, bring. */
	assert_left(&telnet,
		    "a\xff\xff"
		    "b",
		    4,
		    "a\xff"
		    "b");
	assert_left(&telnet, "x\xff", 2, "x");
	assert_left(&telnet, "\xfb", 1, "");
	assert_left(&telnet,
		    "\xff"
		    "y",
		    2, "y");
	assert_left(&telnet, "\xff", 1, "");
	assert_left(&telnet, "\xff", 1, "\xff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_filter)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
