/* SPDX-License-Identifier: MIT */
/* QMP between dom0 and a hostile stub domain: answers to the right client, in order,
 * within bounds. */
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "relay/qmp/filter.h"
#include "sample_schema.h"

#define GREETING                                                                         \
	"{\"QMP\":{\"version\":{\"qemu\":{\"major\":10,\"minor\":0,\"micro\":13},"       \
	"\"package\":\"Debian\"},\"capabilities\":[]}}\r\n"

static struct qmp_schema schema;
static const struct qmp_chardev chardevs[] = {
	{"serial0", "pty:/dev/pts/3"},
	{"libxl-cmd", "disconnected:unix:/var/run/xen/qmp-libxl-5,server=on"},
};
static const struct qmp_names names = {
	.schema = &schema, .chardevs = chardevs, .n_chardevs = 2};
static const struct qmp_names names_vnc = {
	.schema = &schema, .vnc_host = "127.0.0.1", .vnc_service = "5901"};

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

/* A connection on which the stub domain has greeted. */
static struct qmp_filter filter_with(const struct qmp_names *n)
{
	struct qmp_filter f = {.names = n};

	assert_int_equal(from_stub(&f, GREETING), 0);
	expect(&f.to_client, GREETING);
	return f;
}

static void test_greeting(void **state)
{
	static const char *const bad[] = {
		"{\"QMP\":1}",
		"{\"QMP\":{\"version\":{\"qemu\":{\"major\":10,\"minor\":0}}}}",
		"{\"QMP\":{\"version\":{\"qemu\":{\"major\":1e9,\"minor\":0,\"micro\":"
		"0}}}}",
		"{\"QMP\":{\"version\":{\"qemu\":{\"major\":-1,\"minor\":0,\"micro\":0}}"
		"}}",
		/* Nothing comes before it. */
		"{\"event\":\"STOP\"}",
		"{\"return\":{},\"id\":1}",
	};
	struct qmp_filter f = {.names = &names};

	assert_int_equal(from_stub(&f, "{\"x\":1,\"QMP\":{\"y\":2,\"version\":{\"qemu\":"
				       "{\"micro\":13,\"minor\":0,\"major\":10,\"z\":1},"
				       "\"package\":\"a\\u009b1m\\n\"},\"capabilities\":"
				       "[\"oob\"]}}"),
			 0);
	expect(&f.to_client, "{\"QMP\":{\"version\":{\"qemu\":{\"major\":10,\"minor\":0,"
			     "\"micro\":13},\"package\":\"a?1m?\"},\"capabilities\":[]}}"
			     "\r\n");
	assert_int_equal(from_stub(&f, GREETING), -1); /* once */
	assert_int_equal(f.to_client.len, 0);
	qmp_filter_free(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = (struct qmp_filter){.names = &names};
		assert_int_equal(from_client(&f, "{\"execute\":\"stop\"}"), 0);
		assert_int_equal(from_stub(&f, bad[i]), -1);
		assert_int_equal(f.to_client.len, 0);
		qmp_filter_free(&f);
	}
}

/* The client's ids are its own business; QEMU sees ours. */
static void test_ids(void **state)
{
	struct qmp_filter f = filter_with(&names);

	/* Byte by byte, and two in one piece. */
	assert_int_equal(from_client(&f, "{\"exec"), 0);
	assert_int_equal(from_client(&f, "ute\":\"qmp_capabilities\",\"id\":7}"
					 "{\"execute\":\"stop\",\"id\":\"}{\"}"),
			 0);
	assert_int_equal(from_client(&f, "{\"id\":{\"a\":18446744073709551615},"
					 "\"arguments\":{\"x\":[1]},\"execute\":"
					 "\"stop\"}{\"execute\":\"stop\"}"),
			 0);
	expect(&f.to_stub, "{\"execute\":\"qmp_capabilities\",\"id\":1}\r\n"
			   "{\"execute\":\"stop\",\"id\":2}\r\n"
			   "{\"execute\":\"stop\",\"arguments\":{\"x\":[1]},\"id\":3}\r\n"
			   "{\"execute\":\"stop\",\"id\":4}\r\n");
	assert_int_equal(from_stub(&f, "{\"return\": {}, \"id\": 1}\n"
				       "{\"event\": \"RESUME\", \"timestamp\": "
				       "{\"seconds\": 5, \"microseconds\": 6}}\n"
				       "{\"return\": {}, \"id\": 2, \"x\": 1}\n"
				       "{\"error\": {\"class\": \"GenericError\", "
				       "\"desc\": \"no\"}, \"id\": 3}"
				       "{\"return\":{},\"id\":4}"),
			 0);
	expect(&f.to_client,
	       "{\"return\":{},\"id\":7}\r\n"
	       "{\"timestamp\":{\"seconds\":5,\"microseconds\":6},\"event\":\"RESUME\"}"
	       "\r\n"
	       "{\"return\":{},\"id\":\"}{\"}\r\n"
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":{\"a\":"
	       "18446744073709551615}}\r\n"
	       "{\"return\":{}}\r\n");
	qmp_filter_free(&f);
}

/* A client would take these for its own answer, and they are nobody's. */
static void test_answers_out_of_turn(void **state)
{
	static const char *const bad[] = {
		"{\"return\":[],\"id\":2}",
		"{\"return\":[],\"id\":3}",
		"{\"return\":[]}",
		"{\"return\":[],\"id\":\"1\"}",
		"{\"return\":[],\"id\":null}",
		"{\"error\":{},\"id\":2}",
		"{\"return\":[],\"id\":1.0}",
		"{\"return\":[],\"id\":18446744073709551617}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct qmp_filter f = filter_with(&names);

		assert_int_equal(from_client(&f,
					     "{\"execute\":\"query-chardev\",\"id\":"
					     "2}{\"execute\":\"query-vnc\",\"id\":3}"),
				 0);
		assert_int_equal(from_stub(&f, bad[i]), -1);
		assert_int_equal(f.to_client.len, 0);
		qmp_filter_free(&f);
	}
}

/* Each client looks for these members in an order of its own. */
static void test_messages_of_two_kinds(void **state)
{
	static const char answer[] =
		"[{\"label\":\"serial0\",\"filename\":\"pty:/etc/shadow\"}]";
	static const char *const keys[] = {"event", "QMP", "error"};
	char text[256];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct qmp_filter f = filter_with(&names);

		assert_int_equal(from_client(&f, "{\"execute\":\"query-chardev\"}"), 0);
		snprintf(text, sizeof(text), "{\"return\":%s,\"id\":1,\"%s\":\"X\"}",
			 answer, keys[i]);
		assert_int_equal(from_stub(&f, text), -1);
		assert_int_equal(f.to_client.len, 0);
		qmp_filter_free(&f);
	}
}

/* A refusal is answered here, but not before the answers to earlier commands. */
static void test_refusal_in_order(void **state)
{
	struct qmp_filter f = filter_with(&names);

	assert_int_equal(from_client(&f, "{\"execute\":\"stop\",\"id\":1}"
					 "{\"execute\":\"getfd\",\"id\":2}"
					 "{\"exec-oob\":\"x\",\"id\":3}"),
			 0);
	expect(&f.to_stub, "{\"execute\":\"stop\",\"id\":1}\r\n");
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

/* QEMU hears nothing of a command that is none; the words are its own. */
static void test_malformed_commands(void **state)
{
	static const char *const cases[][2] = {
		{"{}", "QMP input lacks member 'execute'"},
		{"{\"execute\":5}", "QMP input member 'execute' must be a string"},
		{"{\"execute\":\"stop\",\"arguments\":[]}",
		 "QMP input member 'arguments' must be an object"},
		{"{\"execute\":\"stop\",\"x\":1}", "QMP input member 'x' is unexpected"},
	};
	char text[160];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qmp_filter f = filter_with(&names);

		assert_int_equal(from_client(&f, cases[i][0]), 0);
		assert_int_equal(f.to_stub.len, 0);
		snprintf(text, sizeof(text),
			 "{\"error\":{\"class\":\"GenericError\",\"desc\":\"%s\"}}\r\n",
			 cases[i][1]);
		expect(&f.to_client, text);
		qmp_filter_free(&f);
	}
}

/* Sizes and addresses of QEMU's are unsigned and have 64 bits. */
/* QEMU in the stub domain would look for a file of its own. */
static void test_hmp(void **state)
{
	static const char line[] = "{\"execute\":\"human-monitor-command\","
				   "\"arguments\":{\"command-line\":\"%s\"},\"id\":3}";
	struct qmp_filter f = filter_with(&names);
	char text[256];

	snprintf(text, sizeof(text), line, " change  ide1-cd0 /a.iso");
	assert_int_equal(from_client(&f, text), 0);
	assert_int_equal(f.to_stub.len, 0);
	assert_non_null(
		memmem(buffer_bytes(&f.to_client), f.to_client.len, "xl cd-insert", 12));
	assert_non_null(
		memmem(buffer_bytes(&f.to_client), f.to_client.len, "\"id\":3", 6));
	for (size_t i = 0; i < 3; i++) {
		static const char *const passed[] = {"change vnc password x", "changed",
						     "info block"};
		size_t before = f.to_stub.len;

		snprintf(text, sizeof(text), line, passed[i]);
		assert_int_equal(from_client(&f, text), 0);
		assert_true(f.to_stub.len > before);
	}
	qmp_filter_free(&f);
}

static void test_large_numbers(void **state)
{
	static const char value[] = "[18446744073709551615,"
				    "9223372036854775808,-9223372036854775808,"
				    "9223372036854775807,\"18446744073709551615\","
				    "\"\\\"9223372036854775808\","
				    "{\"a\":12345678901234567890}]";
	struct qmp_filter f = filter_with(&names);
	char text[sizeof(value) + 64];

	assert_int_equal(
		from_client(&f, "{\"execute\":\"numbers\",\"id\":18446744073709551615}"),
		0);
	expect(&f.to_stub, "{\"execute\":\"numbers\",\"id\":1}\r\n");
	snprintf(text, sizeof(text), "{\"return\":%s,\"id\":1}", value);
	assert_int_equal(from_stub(&f, text), 0);
	snprintf(text, sizeof(text), "{\"return\":%s,\"id\":18446744073709551615}\r\n",
		 value);
	expect(&f.to_client, text);
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
	char text[2 * QMP_DEPTH_MAX + 64] = "{\"id\":1,\"return\":";
	size_t n = strlen(text);

	/* As deep as allowed, then one more. */
	assert_int_equal(from_client(&f, "{\"execute\":\"qom-get\"}"), 0);
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

/* Without a base no file is named in the disk; with one it would be the stub domain's. */
static void test_streams(void **state)
{
	static const char *const bases[] = {"base", "base-node", "bottom"};

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct qmp_filter f = filter_with(&names);
		char text[128];

		snprintf(text, sizeof(text),
			 "{\"execute\":\"block-stream\",\"arguments\":{\"%s\":\"x\"}}",
			 bases[i]);
		assert_int_equal(from_client(&f, text), 0);
		assert_int_equal(f.to_stub.len, 0);
		expect(&f.to_client,
		       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"block-stream cannot be "
		       "carried: QEMU would write a file's name of the stub domain into the disk; "
		       "use qemu-img while no guest has it\"}}\r\n");
		assert_int_equal(
			from_client(&f, "{\"execute\":\"block-stream\",\"arguments\":"
					"{\"device\":\"x\"}}"),
			0);
		expect(&f.to_stub, "{\"execute\":\"block-stream\",\"arguments\":"
				   "{\"device\":\"x\"},\"id\":1}\r\n");
		qmp_filter_free(&f);
	}
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

/* A client that never waits is told, and the bytes that are kept for it stay few. */
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

static void test_vnc_of_none(void **state)
{
	struct qmp_filter f = filter_with(&names);

	assert_int_equal(from_client(&f, "{\"execute\":\"query-vnc\"}"), 0);
	assert_int_equal(from_stub(&f, "{\"return\":{\"enabled\":true,\"host\":\"h\"},"
				       "\"id\":1}"),
			 0);
	expect(&f.to_client, "{\"return\":{\"enabled\":false}}\r\n");
	qmp_filter_free(&f);
	f = filter_with(&names_vnc);
	assert_int_equal(from_client(&f, "{\"execute\":\"query-vnc\"}"), 0);
	assert_int_equal(from_stub(&f, "{\"return\":{\"enabled\":false},\"id\":1}"), 0);
	expect(&f.to_client, "{\"return\":{\"enabled\":true,\"host\":\"127.0.0.1\","
			     "\"service\":\"5901\",\"family\":\"ipv4\"}}\r\n");
	qmp_filter_free(&f);
}

static void agree(struct qmp_filter *f)
{
	assert_int_equal(from_client(f, "{\"execute\":\"qmp_capabilities\"}"), 0);
	assert_int_equal(from_stub(f, "{\"return\":{},\"id\":1}"), 0);
	buffer_consume(&f->to_stub, f->to_stub.len);
	buffer_consume(&f->to_client, f->to_client.len);
}

/* Another stub domain takes over: the client's connection stays, and so do its ids. */
static void test_switch(void **state)
{
	struct qmp_filter f = filter_with(&names);
	char *said;
	struct err err;

	agree(&f);
	/* One is on its way, one has not left yet, one is half here. */
	assert_int_equal(from_client(&f, "{\"execute\":\"stop\",\"id\":\"a\"}"
					 "{\"execute\":\"cont"),
			 0);
	assert_int_equal(from_stub(&f, "{\"return\":{},\"i"), 0);
	assert_int_equal(qmp_filter_switch(&f, &err), 0);
	said = strndup(buffer_bytes(&f.to_client), f.to_client.len);
	assert_non_null(strstr(said, "\"a\""));
	assert_non_null(strstr(said, "replaced"));
	assert_non_null(strstr(said, "RESUME"));
	free(said);
	buffer_consume(&f.to_client, f.to_client.len);
	expect(&f.to_stub, "{\"execute\":\"qmp_capabilities\",\"id\":3}\r\n");
	/* The new QEMU's greeting and its answer to us are not the client's. */
	assert_int_equal(from_stub(&f, GREETING "{\"return\":{},\"id\":3}"), 0);
	assert_int_equal(f.to_client.len, 0);
	assert_int_equal(from_client(&f, "2\"}{\"execute\":\"stop\",\"id\":\"b\"}"), 0);
	expect(&f.to_stub, "{\"execute\":\"cont2\",\"id\":4}\r\n"
			   "{\"execute\":\"stop\",\"id\":5}\r\n");
	/* It may not answer what was asked of the old one, nor greet again. */
	assert_int_equal(from_stub(&f, "{\"return\":{},\"id\":2}"), -1);
	assert_int_equal(from_stub(&f, GREETING), -1);
	qmp_filter_free(&f);
}

/* A client that has not agreed yet agrees with the new one, and is greeted once. */
static void test_switch_early(void **state)
{
	struct qmp_filter f = filter_with(&names);
	struct err err;

	assert_int_equal(qmp_filter_switch(&f, &err), 0);
	assert_int_equal(f.to_client.len, 0);
	assert_int_equal(f.to_stub.len, 0);
	assert_int_equal(from_stub(&f, "{\"return\":{},\"id\":1}"), -1);
	assert_int_equal(from_stub(&f, GREETING), 0);
	assert_int_equal(f.to_client.len, 0);
	agree(&f);
	assert_true(f.agreed);
	qmp_filter_free(&f);
	f = (struct qmp_filter){.names = &names};
	assert_int_equal(qmp_filter_switch(&f, &err), 0);
	assert_int_equal(from_stub(&f, GREETING), 0);
	expect(&f.to_client, GREETING);
	qmp_filter_free(&f);
}

/* Before the switch QEMU answers what it has got, and gets no more. */
static void test_held_up(void **state)
{
	struct qmp_shared shared = {0};
	struct qmp_filter f = filter_with(&names);
	struct err err;

	f.shared = &shared;
	agree(&f);
	assert_int_equal(from_client(&f, "{\"execute\":\"stop\",\"id\":\"a\"}"), 0);
	f.held_up = true;
	assert_false(qmp_filter_is_still(&f));
	buffer_consume(&f.to_stub, f.to_stub.len);
	assert_false(qmp_filter_is_still(&f));
	assert_int_equal(from_stub(&f, "{\"return\":{},\"id\":2}"), 0);
	assert_true(qmp_filter_is_still(&f));
	expect(&f.to_client, "{\"return\":{},\"id\":\"a\"}\r\n");
	/* Bytes that were read already. */
	assert_int_equal(from_client(&f, "{\"execute\":\"cont\",\"id\":\"b\"}"), 0);
	assert_false(qmp_filter_can_go_on(&f));
	assert_int_equal(f.to_stub.len, 0);
	assert_true(qmp_filter_is_still(&f));
	assert_int_equal(qmp_filter_switch(&f, &err), 0);
	buffer_consume(&f.to_client, f.to_client.len); /* RESUME */
	assert_int_equal(from_stub(&f, GREETING "{\"return\":{},\"id\":3}"), 0);
	buffer_consume(&f.to_stub, f.to_stub.len); /* qmp_capabilities */
	assert_false(qmp_filter_can_go_on(&f));
	f.held_up = false;
	assert_true(qmp_filter_can_go_on(&f));
	assert_int_equal(qmp_filter_go_on(&f, &err), 0);
	/* A job, too, which waits for its turn and for the launcher's word. */
	assert_int_equal(f.job.state, QMP_JOB_RUNS);
	assert_false(qmp_filter_is_still(&f));
	qmp_filter_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_answers_out_of_turn),
		cmocka_unit_test(test_messages_of_two_kinds),
		cmocka_unit_test(test_refusal_in_order),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_malformed_commands),
		cmocka_unit_test(test_hmp),
		cmocka_unit_test(test_large_numbers),
		cmocka_unit_test(test_garbage_from_stub),
		cmocka_unit_test(test_garbage_from_client),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_flood_from_client),
		cmocka_unit_test(test_vnc_of_none),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_switch_early),
		cmocka_unit_test(test_held_up),
	};
	int rc;

	schema = sample_schema_load();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	qmp_schema_free(&schema);
	return rc;
}
