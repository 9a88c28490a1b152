/* SPDX-License-Identifier: MIT */
/* A stub domain's network: its answer is checked, and shown. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ifinfo.h"
#include "net_report.h"
#include "netgraph.h"

static void test_what_the_agent_says_is_understood(void **state)
{
	const struct ifinfo info = {.name = "tap3",
				    .up = true,
				    .mtu = 65000,
				    .master = "bridge12",
				    .rx = {UINT64_MAX, 2, 3},
				    .tx = {4, 5, 6}};
	struct netgraph_if out;
	char text[320];
	struct err err;

	net_report_format(&info, "1234", text, sizeof(text));
	assert_int_equal(netgraph_parse("tap3", text, "1234", &out, &err), 1);
	assert_int_equal(out.id.kind, TOPOLOGY_TAP);
	assert_int_equal(out.id.n, 3);
	assert_true(out.up);
	assert_false(out.link);
	assert_int_equal(out.mtu, 65000);
	assert_string_equal(out.bridge, "bridge12");
	assert_true(out.rx.bytes == UINT64_MAX);
	assert_int_equal(out.rx.dropped, 3);
	assert_int_equal(out.tx.packets, 5);
	/* of an interface that is no more */
	assert_int_equal(netgraph_parse("tap3", text, "1235", &out, &err), 0);
}

static void test_hostile_answers(void **state)
{
	static const struct {
		const char *name, *text;
	} bad[] = {
		{"eth0", "ask=1 up=1"},
		{"tap0/../..", "ask=1 up=1"},
		{"tap99999", "ask=1 up=1"},
		{"tap0", "ask=1 up"},
		{"tap0", "ask=1 up=yes"},
		{"tap0", "ask=1 up=-1"},
		{"tap0", "ask=1 mtu=99999999999999999999999"},
		{"tap0", "ask=1 rx=1,2"},
		{"tap0", "ask=1 rx=1,2,3,4"},
		{"tap0", "ask=1 rx=1,2,"},
		{"tap0", "ask=1 bridge=tap1"},
		{"tap0", "ask=1 bridge=\033[2J"},
		{"tap0", "ask=1 new=\001"},
	};
	struct netgraph_if out;
	struct err err;
	char longer[400];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (netgraph_parse(bad[i].name, bad[i].text, "1", &out, &err) != -1)
			fail_msg("'%s' of %s is taken", bad[i].text, bad[i].name);
		assert_int_equal(err.code, ERR_STUB);
	}
	memset(longer, ' ', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(netgraph_parse("tap0", longer, "1", &out, &err), -1);
}

static void test_counters_of_both_kernels(void **state)
{
	struct ifinfo list[2] = {{.name = "tap0"}, {.name = "xenif0"}};

	ifinfo_counters(
		"Inter-|   Receive                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes "
		"   packets errs drop fifo colls carrier compressed\n"
		"    lo:      99      98    0    0    0     0          0         0      "
		" 0       0    0    0    0     0       0          0\n"
		"  tap0:     100       7    0    1    0     0          0         0      "
		"200       8    0    2    0     0       0          0\n"
		"xenif0:18446744073709551615 9 0 0 0 0 0 0 5 6 0 7 0 0 0 0",
		list, 2);
	assert_int_equal(list[0].rx.bytes, 100);
	assert_int_equal(list[0].rx.packets, 7);
	assert_int_equal(list[0].rx.dropped, 1);
	assert_int_equal(list[0].tx.bytes, 200);
	assert_int_equal(list[0].tx.packets, 8);
	assert_int_equal(list[0].tx.dropped, 2);
	assert_true(list[1].rx.bytes == UINT64_MAX);
	assert_int_equal(list[1].tx.dropped, 7);
}

static char model[] = "e1000", mac[] = "00:16:3e:00:00:01", vif[] = "vif1.0-emu",
	    network[] = "xen\"br";

static struct netgraph_if sample[] = {
	{.id = {TOPOLOGY_TAP, 0},
	 .name = "tap0",
	 .up = true,
	 .link = true,
	 .mtu = 1500,
	 .bridge = "bridge0",
	 .rx = {100, 2, 0},
	 .tx = {300, 4, 1},
	 .model = model,
	 .mac = mac,
	 .backend = -1},
	{.id = {TOPOLOGY_TAP, 1}, .name = "tap1", .mtu = 1500, .backend = -1},
	{.id = {TOPOLOGY_BRIDGE, 0},
	 .name = "bridge0",
	 .up = true,
	 .link = true,
	 .mtu = 1500,
	 .backend = -1},
	{.id = {TOPOLOGY_XENIF, 0},
	 .name = "xenif0",
	 .up = true,
	 .mtu = 1500,
	 .bridge = "bridge0",
	 .vif = vif,
	 .network = network,
	 .backend = 5},
};
static const struct netgraph graph = {sample, 4};

static char *take(FILE *out)
{
	size_t size = (size_t)ftell(out);
	char *text = calloc(size + 1, 1);

	rewind(out);
	assert_int_equal(fread(text, 1, size, out), size);
	fclose(out);
	return text;
}

static void test_text(void **state)
{
	FILE *out = tmpfile();
	struct err err;
	char *text;

	assert_int_equal(netgraph_print(&graph, out, &err), 0);
	text = take(out);
	assert_string_equal(text,
			    "INTERFACE  STATE     MTU  OTHER END                       "
			    "IN FRAMES  IN BYTES  OUT FRAMES  OUT BYTES  DROPPED\n"
			    "bridge0    up       1500  -                               "
			    "        0         0           0          0        0\n"
			    "  tap0     up       1500  e1000 00:16:3e:00:00:01         "
			    "        2       100           4        300        1\n"
			    "  xenif0   no link  1500  vif1.0-emu on xen\"br, domain 5  "
			    "        0         0           0          0        0\n"
			    "tap1       down     1500  -                               "
			    "        0         0           0          0        0\n");
	free(text);
}

static void test_dot(void **state)
{
	FILE *out = tmpfile();
	char *text;

	netgraph_print_dot(&graph, "my \"guest\"", out);
	text = take(out);
	assert_string_equal(
		text, "graph \"my \\\"guest\\\"\" {\n"
		      "\ttap0 [label=\"tap0\\nin 2, out 4 frames\"];\n"
		      "\tbridge0 -- tap0;\n"
		      "\t\"00:16:3e:00:00:01\" [shape=box, label=\"e1000\"];\n"
		      "\ttap0 -- \"00:16:3e:00:00:01\";\n"
		      "\ttap1 [label=\"tap1\\nin 0, out 0 frames\", style=dashed];\n"
		      "\tbridge0 [label=\"bridge0\\nin 0, out 0 frames\"];\n"
		      "\txenif0 [label=\"xenif0\\nin 0, out 0 frames\"];\n"
		      "\tbridge0 -- xenif0;\n"
		      "\txenif0 -- \"xen\\\"br\" [label=\"vif1.0-emu\"];\n"
		      "}\n");
	free(text);
}

static void test_json(void **state)
{
	json_t *list = netgraph_to_json(&graph);
	json_t *tap = json_array_get(list, 0), *xenif = json_array_get(list, 3);

	assert_int_equal(json_array_size(list), 4);
	assert_string_equal(json_string_value(json_object_get(tap, "bridge")), "bridge0");
	assert_string_equal(json_string_value(json_object_get(tap, "mac")), mac);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(tap, "tx"), "dropped")),
			 1);
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "bridge")));
	assert_int_equal(json_integer_value(json_object_get(xenif, "backend")), 5);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_agent_says_is_understood),
		cmocka_unit_test(test_hostile_answers),
		cmocka_unit_test(test_counters_of_both_kernels),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_dot),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
