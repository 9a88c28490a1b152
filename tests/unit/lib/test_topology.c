/* SPDX-License-Identifier: MIT */
/* The topology language: every form it accepts, every error with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "topology.h"
#include "topology_check.h"

static const char *const op_names[] = {
	[TOPOLOGY_CREATE] = "create", [TOPOLOGY_UP] = "up",
	[TOPOLOGY_DOWN] = "down",     [TOPOLOGY_MTU] = "mtu",
	[TOPOLOGY_ADD] = "add",	      [TOPOLOGY_DELETE] = "delete",
	[TOPOLOGY_STP_ON] = "stp",    [TOPOLOGY_STP_OFF] = "-stp",
};

/* The statements as text, one "subject op [member|mtu]" after the other, with "; ". */
static void describe(const struct topology *topology, char *out, size_t size)
{
	char subject[TOPOLOGY_NAME_SIZE], member[TOPOLOGY_NAME_SIZE];
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < topology->n; i++) {
		const struct topology_stmt *stmt = &topology->stmts[i];

		at += (size_t)snprintf(out + at, size - at, "%s%s %s", i ? "; " : "",
				       topology_if_name(stmt->subject, subject),
				       op_names[stmt->op]);
		if (stmt->op == TOPOLOGY_ADD || stmt->op == TOPOLOGY_DELETE)
			at += (size_t)snprintf(out + at, size - at, " %s",
					       topology_if_name(stmt->member, member));
		if (stmt->op == TOPOLOGY_MTU)
			at += (size_t)snprintf(out + at, size - at, " %u", stmt->mtu);
	}
}

static void test_accepted(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"\n\n# nothing\n   # more\n", ""},
		{"ifconfig tap0 create", "tap0 create"},
		{"ifconfig bridge0 create up\n", "bridge0 create; bridge0 up"},
		{"ifconfig xenif12 mtu 9000 down", "xenif12 mtu 9000; xenif12 down"},
		{"\tifconfig  tap0\tcreate # for the guest\r\n", "tap0 create"},
		/* NetBSD's order */
		{"brconfig bridge0 add tap0 xenif0",
		 "bridge0 add tap0; bridge0 add xenif0"},
		{"brconfig bridge0 add tap0 add tap1 stp up",
		 "bridge0 add tap0; bridge0 add tap1; bridge0 stp; bridge0 up"},
		{"brconfig bridge1 delete tap3 -stp down",
		 "bridge1 delete tap3; bridge1 -stp; bridge1 down"},
		/* the older order */
		{"brconfig add tap0 bridge0", "bridge0 add tap0"},
		{"brconfig add tap0 xenif0 tap1 bridge7",
		 "bridge7 add tap0; bridge7 add xenif0; bridge7 add tap1"},
		{"brconfig delete xenif0 bridge0", "bridge0 delete xenif0"},
		{"ifconfig tap0 create\nifconfig bridge0 create\n"
		 "brconfig add tap0 bridge0\nbrconfig add xenif0 bridge0\n",
		 "tap0 create; bridge0 create; bridge0 add tap0; bridge0 add xenif0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct topology topology;
		struct err err = {0};
		char got[512];

		if (topology_parse(cases[i].text, "t", &topology, &err) < 0)
			fail_msg("'%s': %s", cases[i].text, err.msg);
		describe(&topology, got, sizeof(got));
		assert_string_equal(got, cases[i].want);
		topology_free(&topology);
	}
}

static void test_rejected(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"route add default",
		 "t:1:1: found 'route', expected ifconfig or brconfig"},
		{"\n  ifconfig eth0 up", "t:2:12: found 'eth0', expected an interface"},
		{"ifconfig", "t:1:9: the line ends, expected an interface"},
		{"ifconfig tap0",
		 "t:1:14: the line ends, expected create, up, down or mtu"},
		{"ifconfig tap0 inet", "t:1:15: found 'inet', expected create"},
		{"ifconfig tap0 mtu", "t:1:18: the line ends, expected a number"},
		{"ifconfig tap0 mtu 67", "t:1:19: found '67', expected a number"},
		{"ifconfig tap0 mtu 65536", "t:1:19: found '65536', expected a number"},
		{"ifconfig tap0 mtu 99999999999", "expected a number"},
		{"ifconfig tap0 mtu -1", "t:1:19: found '-1', expected a number"},
		{"ifconfig tap up", "t:1:10: found 'tap', expected an interface"},
		{"ifconfig tap01 up", "t:1:10: found 'tap01', expected an interface"},
		{"ifconfig tap4096 up", "t:1:10: found 'tap4096', expected an interface"},
		{"ifconfig tap0x up", "t:1:10: found 'tap0x', expected an interface"},
		{"ifconfig xenif0 create", "t:1:17: found 'create', expected up, down"},
		{"brconfig", "t:1:9: the line ends, expected a bridge"},
		{"brconfig tap0 add tap1", "t:1:10: found 'tap0', expected a bridge"},
		{"brconfig bridge0", "t:1:17: the line ends, expected add, delete, stp"},
		{"brconfig bridge0 add", "t:1:21: the line ends, expected a member"},
		{"brconfig bridge0 add bridge1",
		 "t:1:22: found 'bridge1', expected a member"},
		{"brconfig bridge0 learn", "t:1:18: found 'learn', expected add"},
		{"brconfig add tap0",
		 "t:1:18: the line ends, expected a member or the bridge"},
		{"brconfig add bridge0",
		 "t:1:14: found 'bridge0', expected a member before"},
		{"brconfig add tap0 bridge0 tap1",
		 "t:1:27: found 'tap1', expected the end"},
		{"ifconfig tap0 create\nfoo # x", "t:2:1: found 'foo'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct topology topology;
		struct err err = {0};

		assert_int_equal(topology_parse(cases[i].text, "t", &topology, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("'%s': got '%s', want '%s'", cases[i].text, err.msg,
				 cases[i].want);
		assert_null(topology.stmts);
	}
}

static void test_places(void **state)
{
	struct topology topology;
	struct err err;

	assert_int_equal(topology_parse("\nbrconfig bridge0 add tap0  xenif3 up\n", "t",
					&topology, &err),
			 0);
	assert_int_equal(topology.n, 3);
	assert_int_equal(topology.stmts[0].line, 2);
	assert_int_equal(topology.stmts[0].column, 22);
	assert_int_equal(topology.stmts[1].column, 28);
	assert_int_equal(topology.stmts[2].column, 35);
	topology_free(&topology);
}

static void test_long_word_is_cut(void **state)
{
	char text[5000];
	struct topology topology;
	struct err err;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(topology_parse(text, "t", &topology, &err), -1);
	assert_true(strlen(err.msg) < 200);
}

#define BRIDGED "ifconfig tap0 create\nifconfig bridge0 create\n"

static void test_check(void **state)
{
	/* xenif0 and xenif1 on different networks, xenif2 on xenif0's. */
	static const struct topology_xenif xenifs[] = {
		{0, "xenbr0"}, {1, "xenbr1"}, {2, "xenbr0"}, {3, NULL}};
	static const struct {
		const char *text;
		const char *want; /* NULL: accepted */
	} cases[] = {
		{BRIDGED "brconfig bridge0 add tap0 xenif0 up", NULL},
		{BRIDGED "brconfig bridge0 add tap0 xenif0 xenif1 xenif3", NULL},
		{"ifconfig tap0 create", NULL},
		{"", "t: tap0 is left unwired"},
		{BRIDGED "brconfig bridge0 add xenif0 xenif2",
		 "t:3:29: xenif2 closes a loop"},
		{BRIDGED "brconfig bridge0 add xenif0 xenif2 stp", NULL},
		{BRIDGED "brconfig bridge0 add xenif0 delete xenif0 add xenif2", NULL},
		{BRIDGED "ifconfig bridge1 create\nbrconfig bridge0 add tap0\n"
			 "brconfig bridge1 add tap0",
		 "t:5:22: tap0 is in a bridge already"},
		{BRIDGED "brconfig bridge0 add tap0 tap0", "t:3:27: tap0 is in a bridge"},
		{BRIDGED "brconfig bridge0 delete tap0", "t:3:25: tap0 is not in that"},
		{BRIDGED "ifconfig tap0 create", "t:3:15: tap0 is created twice"},
		{BRIDGED "ifconfig tap1 create", "t:3:15: tap1 is not there"},
		{BRIDGED "brconfig bridge0 add xenif4", "t:3:22: xenif4 is not there"},
		{"brconfig bridge0 add tap0", "t:1:22: bridge0 is used before"},
		{"ifconfig bridge0 create\nbrconfig bridge0 add tap0",
		 "tap0 is used before"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct topology topology;
		struct err err = {0};
		int rc;

		assert_int_equal(topology_parse(cases[i].text, "t", &topology, &err), 0);
		rc = topology_check(&topology, "t", 1, xenifs, 4, &err);
		if (!cases[i].want && rc < 0)
			fail_msg("'%s': %s", cases[i].text, err.msg);
		if (cases[i].want && (rc == 0 || !strstr(err.msg, cases[i].want)))
			fail_msg("'%s': got '%s', want '%s'", cases[i].text, err.msg,
				 cases[i].want);
		topology_free(&topology);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted), cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_places),	 cmocka_unit_test(test_long_word_is_cut),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
