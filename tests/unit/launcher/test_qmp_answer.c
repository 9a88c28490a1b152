/* SPDX-License-Identifier: MIT */
/* A hostile stub domain's answers and events: only QEMU's form, and no name of dom0. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/qmp/answer.h"
#include "relay/qmp/number.h"
#include "sample_schema.h"

static struct qmp_schema schema;
static const struct qmp_chardev chardevs[] = {{"serial0", "pty:/dev/pts/3"}};
static const struct qmp_disk disks[] = {{"xvda", "/srv/a.img"}, {"xvdb", "/srv/old.iso"}};
static const struct qmp_media media = {
	.list = {{.name = "xvdb", .shown = "/dev/fdset/1"}, {.name = "xvdc"}}, .n = 2};
static const struct qmp_names names = {
	.schema = &schema,
	.chardevs = chardevs,
	.n_chardevs = 1,
	.disks = disks,
	.n_disks = 2,
	.media = &media,
	.vnc_host = "127.0.0.1",
	.vnc_service = "5901",
};

/* `want`: NULL, the answer is refused. */
static void check(const char *what, json_t *made, const char *want)
{
	char *text = made ? qmp_number_dump(made) : NULL;

	if (!want && text)
		fail_msg("%s: became %s", what, text);
	if (want && !text)
		fail_msg("%s: was refused", what);
	if (want)
		assert_string_equal(text, want);
	free(text);
	json_decref(made);
}

static json_t *load(const char *text)
{
	json_t *value = qmp_number_load(text, strlen(text));

	if (!value)
		fail_msg("%s: no JSON", text);
	return value;
}

static void check_return(const char *command, const char *value, const char *want)
{
	char text[1024];
	json_t *message;

	snprintf(text, sizeof(text), "{\"return\":%s}", value);
	message = load(text);
	snprintf(text, sizeof(text), "{\"return\":%s}", want ? want : "");
	check(value,
	      qmp_answer_return(&names, command, qmp_table_find(command)->action,
				message),
	      want ? text : NULL);
	json_decref(message);
}

static void test_form(void **state)
{
	check_return("cont", "{}", "{}");
	check_return("cont", "{\"x\":1}", "{}");
	check_return("cont", "[]", NULL);
	check_return("no-such-command", "{}", NULL);
	check_return("STOP", "{}", NULL); /* an event's name */
	check_return("str", "\"x\"", NULL);
	check_return("query-status", "{\"status\":\"running\",\"running\":true,\"x\":{}}",
		     "{\"status\":\"running\",\"running\":true}");
	check_return("query-status", "{\"status\":\"/etc/x\",\"running\":true}", NULL);
	check_return("query-status", "{\"status\":\"running\",\"running\":1}", NULL);
	check_return("query-status", "{\"status\":\"running\"}", NULL);
	check_return("x-stats", "1.5", "1.5");
	check_return("x-stats", "3", "3");
	check_return("x-stats", "\"3\"", NULL);
}

static void test_numbers(void **state)
{
	static const char form[] = "[{\"cpu-index\":%s,\"qom-path\":\"/machine/x\","
				   "\"thread-id\":%s,\"target\":\"x86\"}]";
	static const char *const cases[][2] = {
		{"18446744073709551615", "18446744073709551615"},
		{"-5", "-5"},
		{"1e3", NULL},
		{"99999999999999999999999", NULL},
		{"\"1\"", NULL},
		{"null", NULL},
	};
	char value[256];
	char want[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(value, sizeof(value), form, cases[i][0], "4711");
		/* A thread of the stub domain's is nobody in dom0. */
		snprintf(want, sizeof(want), form, cases[i][1] ? cases[i][1] : "", "0");
		check_return("query-cpus-fast", value, cases[i][1] ? want : NULL);
	}
	/* A string that our own writer would take for such a number is one of digits. */
	check_return("qom-get",
		     "\"\xef\xa3\xb1"
		     "18446744073709551615\"",
		     "18446744073709551615");
	check_return("human-monitor-command",
		     "\"\xef\xa3\xb1"
		     "18446744073709551615\"",
		     NULL);
}

static void test_variants(void **state)
{
	check_return("query-cpus-fast",
		     "[{\"cpu-index\":0,\"qom-path\":\"/machine/unattached/device[0]\","
		     "\"thread-id\":1,\"target\":\"s390\",\"cpu-state\":\"paused\"}]",
		     "[{\"cpu-index\":0,\"qom-path\":\"/machine/unattached/device[0]\","
		     "\"thread-id\":0,\"target\":\"s390\",\"cpu-state\":\"paused\"}]");
	check_return("query-cpus-fast",
		     "[{\"cpu-index\":0,\"qom-path\":\"/machine/../etc\","
		     "\"thread-id\":1,\"target\":\"x86\",\"cpu-state\":\"paused\"}]",
		     "[{\"cpu-index\":0,\"qom-path\":\"\",\"thread-id\":0,\"target\":"
		     "\"x86\"}]");
	check_return("query-cpus-fast",
		     "[{\"cpu-index\":0,\"qom-path\":\"/machine\",\"thread-id\":1,"
		     "\"target\":\"s390\"}]",
		     NULL);
}

static void test_file_names(void **state)
{
	check_return("query-named-block-nodes",
		     "[{\"node-name\":\"#block1\",\"file\":\"/dev/xvda\",\"tls\":null},"
		     "{\"file\":\"/dev/xvdb\"},{\"file\":\"/dev/xvdc\"},"
		     "{\"file\":\"/root/secret\",\"backing_file\":\"/root/secret\"},"
		     "{\"file\":\"json:{}\",\"node-name\":\"/root/secret\"},"
		     "{\"file\":\"/dev/xvdaa\",\"tls\":\"nbd://h/x\"}]",
		     "[{\"node-name\":\"#block1\",\"file\":\"/srv/a.img\",\"tls\":null},"
		     "{\"file\":\"/dev/fdset/1\"},{\"file\":\"\"},"
		     "{\"file\":\"\"},{\"file\":\"\"},{\"file\":\"\"}]");
}

static void test_chardevs(void **state)
{
	/* The others are no devices of the plan: libxl would store their "pty". */
	check_return(
		"query-chardev",
		"[{\"label\":\"serial9\",\"filename\":\"pty:/etc/shadow\"},"
		"{\"label\":5},[],\"x\",{\"label\":\"serial0\",\"frontend-open\":true,"
		"\"filename\":\"pty:/root/dom0-secret\",\"x\":1},"
		"{\"label\":\"serial0\",\"filename\":\"pty:/b\"}]",
		"[{\"label\":\"serial0\",\"filename\":\"pty:/dev/pts/3\","
		"\"frontend-open\":true}]");
	check_return("query-chardev", "{}", "[]");
}

static void test_vnc(void **state)
{
	check_return(
		"query-vnc",
		"{\"enabled\":true,\"host\":\"evil\",\"service\":\"22\",\"family\":"
		"\"unix\",\"auth\":\"none\",\"clients\":[{\"host\":\"1.2.3.4\","
		"\"service\":\"/x\",\"family\":\"ipv4\",\"websocket\":false}]}",
		"{\"enabled\":true,\"family\":\"ipv4\",\"auth\":\"none\",\"clients\":"
		"[{\"host\":\"\",\"service\":\"\",\"family\":\"ipv4\",\"websocket\":"
		"false}],\"host\":\"127.0.0.1\",\"service\":\"5901\"}");
	check_return("query-vnc", "{\"enabled\":true,\"auth\":\"unix:/etc/x\"}",
		     "{\"enabled\":true,\"host\":\"127.0.0.1\",\"service\":\"5901\","
		     "\"family\":\"ipv4\"}");
	check_return("query-vnc", "[]", NULL);
}

static void test_texts(void **state)
{
	check_return("human-monitor-command",
		     "\"a\\tb\\r\\n\\u009b1m\\u001b]0;x\\u0007\\u202ee /etc/x\"",
		     "\"a\\tb\\r\\n?1m?]0;x??e /etc/x\"");
	check_return("human-monitor-command", "[]", NULL);
	/* Members that the schema does not have. */
	check_return("qom-get",
		     "{\"a\":[1,true,null,\"/etc/x\",\"/machine/a\"],\"b\":1.5}",
		     "{\"a\":[1,true,null,\"\",\"/machine/a\"],\"b\":1.5}");
	check_return("qom-get", "{\"a\\n\":1}", NULL);
	check_return("qom-get", "\"file:///etc/x\"", "\"\"");
	check_return("qom-get", "\"pty:/etc/x\"", "\"\"");
	check_return("qom-get", "\"`ty:/etc/x\"", "\"\"");
	check_return("qom-get", "\"/etc/a:b\"", "\"\"");
	check_return("qom-get", "\"a b:/c\"", "\"a b:/c\"");
}

static void check_event(const char *text, const char *want)
{
	json_t *message = load(text);

	check(text, qmp_answer_event(&names, message), want);
	json_decref(message);
}

#define NO_TIME "{\"timestamp\":{\"seconds\":-1,\"microseconds\":-1},\"event\":"

static void test_events(void **state)
{
	check_event(
		"{\"event\":\"STOP\",\"id\":1,\"x\":2,\"timestamp\":{\"seconds\":1,"
		"\"microseconds\":2,\"y\":1}}",
		"{\"timestamp\":{\"seconds\":1,\"microseconds\":2},\"event\":\"STOP\"}");
	check_event("{\"event\":\"STOP\",\"timestamp\":\"x\"}", NO_TIME "\"STOP\"}");
	check_event("{\"event\":\"cont\"}", NULL);
	check_event("{\"event\":\"NEW_ONE\",\"data\":{\"file\":\"/etc/x\"}}", NULL);
	check_event("{\"event\":[]}", NULL);
	check_event("{\"event\":\"DEVICE_DELETED\"}", NULL);
	check_event("{\"event\":\"DEVICE_DELETED\",\"data\":{\"device\":\"/etc/x\","
		    "\"path\":\"/root/x\"}}",
		    NO_TIME "\"DEVICE_DELETED\",\"data\":{\"path\":\"\"}}");
	check_event("{\"event\":\"DEVICE_DELETED\",\"data\":{\"device\":\"net0\","
		    "\"path\":\"/machine/peripheral/net0\"}}",
		    NO_TIME "\"DEVICE_DELETED\",\"data\":{\"device\":\"net0\",\"path\":"
			    "\"/machine/peripheral/net0\"}}");
	check_event(
		"{\"event\":\"VNC_CONNECTED\",\"data\":{\"server\":{\"host\":\"evil\","
		"\"service\":\"22\",\"family\":\"unix\",\"websocket\":false},"
		"\"client\":{\"host\":\"evil\",\"service\":\"22\",\"family\":\"unix\","
		"\"websocket\":false}}}",
		NO_TIME "\"VNC_CONNECTED\",\"data\":{\"server\":{\"host\":"
			"\"127.0.0.1\",\"service\":\"5901\",\"family\":\"ipv4\","
			"\"websocket\":false},\"client\":{\"host\":\"\",\"service\":"
			"\"\",\"family\":\"unix\",\"websocket\":false}}}");
}

static void check_error(const char *error, const char *class, const char *desc)
{
	char text[512];
	json_t *message;

	snprintf(text, sizeof(text), "{\"error\":%s}", error);
	message = load(text);
	snprintf(text, sizeof(text), "{\"error\":{\"class\":\"%s\",\"desc\":\"%s\"}}",
		 class, desc);
	check(error, qmp_answer_error(message), text);
	json_decref(message);
}

static void test_errors(void **state)
{
	char text[2 * QMP_DESC_MAX];
	json_t *message;
	json_t *made;

	check_error("{\"class\":\"CommandNotFound\",\"desc\":\"x\",\"data\":{}}",
		    "CommandNotFound", "x");
	check_error("{\"class\":\"Evil\\u001b\",\"desc\":\"a\\u009bb\\n\"}",
		    "GenericError", "a?b?");
	check_error("5", "GenericError", "");
	check_error("{\"class\":[],\"desc\":{}}", "GenericError", "");
	/* Cut, and not in the middle of a character. */
	memset(text, 'a', sizeof(text));
	memcpy(text + QMP_DESC_MAX - 1, "\xc3\xa4", 2);
	message = json_pack("{s:{s:s%}}", "error", "desc", text, (int)sizeof(text));
	assert_non_null(message);
	made = qmp_answer_error(message);
	assert_int_equal(json_string_length(
				 json_object_get(json_object_get(made, "error"), "desc")),
			 QMP_DESC_MAX - 1);
	json_decref(made);
	json_decref(message);
}

/* A schema that is none: the image's builder, or somebody who changed the image. */
static void test_schema(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[5]",
		"[{\"name\":\"a\"}]",
		"[{\"name\":\"a\",\"meta-type\":\"builtin\",\"json-type\":\"x\"}]",
		"[{\"name\":\"a\",\"meta-type\":\"command\",\"ret-type\":\"b\"}]",
		"[{\"name\":\"a\",\"meta-type\":\"command\",\"ret-type\":\"a\"}]",
		"[{\"name\":\"a\",\"meta-type\":\"enum\",\"values\":[1]}]",
		"[{\"name\":\"a\",\"meta-type\":\"object\",\"members\":[{\"name\":\"x\"}]}]",
		"[{\"name\":\"a\",\"meta-type\":\"array\",\"element-type\":\"a\"},"
		"{\"name\":\"a\",\"meta-type\":\"array\",\"element-type\":\"a\"}]",
	};
	struct qmp_schema made;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *entries = load(bad[i]);

		if (qmp_schema_load(entries, &made, &err) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_non_null(strstr(err.msg, "rebuild"));
		assert_int_equal(made.n, 0);
		json_decref(entries);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),	 cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_variants), cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_chardevs), cmocka_unit_test(test_vnc),
		cmocka_unit_test(test_texts),	 cmocka_unit_test(test_events),
		cmocka_unit_test(test_errors),	 cmocka_unit_test(test_schema),
	};
	int rc;

	schema = sample_schema_load();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	qmp_schema_free(&schema);
	return rc;
}
