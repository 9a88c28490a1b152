/* SPDX-License-Identifier: MIT */
/* QMP between dom0 and a hostile stub domain: translated, in order, within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "relay/qmp/filter.h"

static const struct qmp_chardev chardevs[] = {
	{"serial0", "pty:/dev/pts/3"},
	{"libxl-cmd", "disconnected:unix:/var/run/xen/qmp-libxl-5,server=on"},
};
static const struct qmp_names names = {.chardevs = chardevs, .n_chardevs = 2};
static const struct qmp_names names_vnc = {.vnc_host = "127.0.0.1",
					   .vnc_service = "5901"};

static struct qmp_filter filter_with(const struct qmp_names *n)
{
	return (struct qmp_filter){.names = n};
}

static int from_client(struct qmp_filter *f, const char *text)
{
	struct err err;

	return qmp_filter_client(f, text, strlen(text), &err);
}

static int from_stub(struct qmp_filter *f, const char *text)
{
	struct err err;

	return qmp_filter_stub(f, text, strlen(text), &err);
}

static void test_pass(void **state)
{
	struct qmp_filter f = filter_with(&names);

	assert_int_equal(from_stub(&f,
				   "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 10}}, "
				   "\"capabilities\": [\"oob\"]}}\r\n"),
			 0);
	expect(&f.to_client, "{\"QMP\":{\"version\":{\"qemu\":{\"major\":10}},"
			     "\"capabilities\":[]}}\r\n");
	/* Byte by byte, and two in one piece. */
	assert_int_equal(from_client(&f, "{\"exec"), 0);
	assert_int_equal(from_client(&f, "ute\":\"qmp_capabilities\",\"id\":1}"
					 "{\"execute\":\"cont\",\"id\":\"}{\"}"),
			 0);
	expect(&f.to_stub, "{\"execute\":\"qmp_capabilities\",\"id\":1}\r\n"
			   "{\"execute\":\"cont\",\"id\":\"}{\"}\r\n");
	assert_int_equal(from_stub(&f, "{\"return\": {}, \"id\": 1}\n"
				       "{\"event\": \"RESUME\"}\n{\"return\": {}, "
				       "\"id\": \"}{\"}\n"),
			 0);
	expect(&f.to_client, "{\"return\":{},\"id\":1}\r\n{\"event\":\"RESUME\"}\r\n"
			     "{\"return\":{},\"id\":\"}{\"}\r\n");
	qmp_filter_free(&f);
}

static void test_chardev(void **state)
{
	struct qmp_filter f = filter_with(&names);

	assert_int_equal(from_client(&f, "{\"execute\":\"query-chardev\",\"id\":7}"), 0);
	expect(&f.to_stub, "{\"execute\":\"query-chardev\",\"id\":7}\r\n");
	/* The last one is no device of the plan: libxl would store its "pty". */
	assert_int_equal(
		from_stub(&f,
			  "{\"return\":[{\"label\":\"serial0\",\"frontend-open\":true,"
			  "\"filename\":\"unix:/run/stubdom/serial0.sock\"},"
			  "{\"label\":\"serial9\",\"filename\":\"pty:/etc/shadow\"},"
			  "{\"label\":5},[],\"x\"],\"id\":7}"),
		0);
	expect(&f.to_client, "{\"return\":[{\"label\":\"serial0\",\"filename\":"
			     "\"pty:/dev/pts/3\",\"frontend-open\":true}],\"id\":7}\r\n");
	qmp_filter_free(&f);
}

static void test_vnc(void **state)
{
	struct qmp_filter f = filter_with(&names_vnc);

	assert_int_equal(from_client(&f, "{\"execute\":\"query-vnc\"}"), 0);
	assert_int_equal(from_stub(&f,
				   "{\"return\":{\"enabled\":true,\"host\":\"/run/x\","
				   "\"service\":\"y\",\"family\":\"unix\"}}"),
			 0);
	buffer_consume(&f.to_stub, f.to_stub.len);
	expect(&f.to_client, "{\"return\":{\"enabled\":true,\"host\":\"127.0.0.1\","
			     "\"service\":\"5901\",\"family\":\"ipv4\"}}\r\n");
	qmp_filter_free(&f);
	f = filter_with(&names);
	assert_int_equal(from_client(&f, "{\"execute\":\"query-vnc\"}"), 0);
	assert_int_equal(from_stub(&f, "{\"return\":{\"enabled\":true,\"host\":\"h\"}}"),
			 0);
	expect(&f.to_client, "{\"return\":{\"enabled\":false}}\r\n");
	qmp_filter_free(&f);
}

/* A refusal is answered here, but not before the answers to what came earlier. */
static void test_refusal_in_order(void **state)
{
	struct qmp_filter f = filter_with(&names);

	assert_int_equal(from_client(&f, "{\"execute\":\"query-status\",\"id\":1}"
					 "{\"execute\":\"getfd\",\"id\":2}"
					 "{\"exec-oob\":\"x\",\"id\":3}"),
			 0);
	expect(&f.to_stub, "{\"execute\":\"query-status\",\"id\":1}\r\n");
	assert_int_equal(f.to_client.len, 0);
	assert_int_equal(from_stub(&f, "{\"return\":{},\"id\":1}"), 0);
	expect(&f.to_client,
	       "{\"return\":{},\"id\":1}\r\n"
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"getfd cannot be "
	       "carried: a descriptor of dom0 has no meaning in the stub domain; files "
	       "and disks are taken by add-fd\"},\"id\":2}\r\n"
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"exec-oob: out-of-band "
	       "commands are not offered\"},\"id\":3}\r\n");
	qmp_filter_free(&f);
}

/* Sizes and addresses of QEMU's are unsigned and have 64 bits. */
static void test_large_numbers(void **state)
{
	static const char text[] = "{\"return\":[18446744073709551615,"
				   "9223372036854775808,-9223372036854775808,"
				   "9223372036854775807,\"18446744073709551615\","
				   "\"\\\"9223372036854775808\","
				   "{\"a\":12345678901234567890}]}";
	struct qmp_filter f = filter_with(&names);
	char line[sizeof(text) + 2];

	assert_int_equal(
		from_client(&f, "{\"execute\":\"x\",\"id\":18446744073709551615}"), 0);
	expect(&f.to_stub, "{\"execute\":\"x\",\"id\":18446744073709551615}\r\n");
	assert_int_equal(from_stub(&f, text), 0);
	snprintf(line, sizeof(line), "%s\r\n", text);
	expect(&f.to_client, line);
	qmp_filter_free(&f);
}

static void test_garbage_from_stub(void **state)
{
	static const char *const texts[] = {
		"hello", "[]",	     "1",
		"{]",	 "{\"a\":}", "{\"return\":{}}",
		"{}",	 "\xff\xfe", "{\"QMP\":\"\xff\"}",
		"\"a\"",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct qmp_filter f = filter_with(&names);

		assert_int_equal(from_stub(&f, texts[i]), -1);
		assert_int_equal(f.to_client.len, 0);
		qmp_filter_free(&f);
	}
}

static void test_garbage_from_client(void **state)
{
	struct qmp_filter f = filter_with(&names);

	assert_int_equal(from_client(&f, "GET / HTTP/1.0\r\n"), -1);
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse "
	       "error: not a JSON object\"}}\r\n");
	assert_int_equal(f.to_stub.len, 0);
	qmp_filter_free(&f);
}

static void test_depth(void **state)
{
	struct qmp_filter f = filter_with(&names);
	char text[2 * QMP_DEPTH_MAX + 64] = "{\"QMP\":";
	size_t n = strlen(text);

	/* As deep as allowed, then one more. */
	for (int i = 1; i < QMP_DEPTH_MAX; i++)
		text[n++] = '[';
	for (int i = 1; i < QMP_DEPTH_MAX; i++)
		text[n++] = ']';
	text[n++] = '}';
	text[n] = '\0';
	assert_int_equal(from_stub(&f, text), 0);
	qmp_filter_free(&f);
	f = filter_with(&names);
	memset(text, '[', sizeof(text) - 1);
	memcpy(text, "{\"QMP\":", 7);
	assert_int_equal(from_stub(&f, text), -1);
	qmp_filter_free(&f);
}

/* 100 MB without an end: refused as soon as the bound is passed. */
static void test_endless(void **state)
{
	struct qmp_filter f = filter_with(&names);
	char *piece = malloc(65536);
	size_t taken = 0;

	memset(piece, 'a', 65536);
	assert_int_equal(from_stub(&f, "{\"event\":\""), 0);
	for (size_t i = 0; i < 1600; i++) {
		struct err err;

		if (qmp_filter_stub(&f, piece, 65536, &err) < 0)
			break;
		taken += 65536;
	}
	assert_true(taken <= QMP_MESSAGE_MAX);
	free(piece);
	qmp_filter_free(&f);
}

/* A client that never waits is told, and what is kept for it stays small. */
static void test_flood_from_client(void **state)
{
	struct qmp_filter f = filter_with(&names);
	unsigned sent = 0;

	while (!qmp_filter_client_full(&f) && sent < 10000) {
		assert_int_equal(from_client(&f, "{\"execute\":\"query-status\"}"), 0);
		sent++;
	}
	assert_true(sent < QMP_PENDING_MAX);
	while (sent < QMP_PENDING_MAX) {
		assert_int_equal(from_client(&f, "{\"execute\":\"query-status\"}"), 0);
		sent++;
	}
	assert_int_equal(from_client(&f, "{\"execute\":\"query-status\"}"), -1);
	qmp_filter_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_chardev),
		cmocka_unit_test(test_vnc),
		cmocka_unit_test(test_refusal_in_order),
		cmocka_unit_test(test_large_numbers),
		cmocka_unit_test(test_garbage_from_stub),
		cmocka_unit_test(test_garbage_from_client),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_flood_from_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
