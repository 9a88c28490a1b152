/* SPDX-License-Identifier: MIT */
/* The boot contract: a written one is read back; damage is named. */
#include "unit.h"
#include <stdlib.h>
#include <string.h>

#include "boot_contract.h"

static const char whole[] =
	"{\"version\":1,\"guest\":{\"domid\":5,\"name\":\"s1\"},"
	"\"qemu\":{\"path\":\"/q\",\"argv\":[\"q\",\"-xen-domid\",\"5\"]},"
	"\"disks\":[{\"dev\":\"xvda\",\"readonly\":true},{\"dev\":\"xvdb\"}],"
	"\"nics\":[{\"tap\":\"tap0\",\"xenif\":1,\"mac\":\"00:16:3e:00:00:01\","
	"\"mtu\":1500}],\"topology\":[\"ifconfig tap0 up\"],"
	"\"channels\":[{\"name\":\"libxl-cmd\",\"kind\":\"qmp\",\"path\":\"/run/x\"}],"
	"\"new-in-1.1\":true}";

static void check_whole(const struct boot_contract *b)
{
	assert_int_equal(b->guest_domid, 5);
	assert_string_equal(b->guest_name, "s1");
	assert_string_equal(b->qemu_path, "/q");
	assert_int_equal(b->n_argv, 3);
	assert_string_equal(b->argv[2], "5");
	assert_null(b->argv[3]);
	assert_int_equal(b->n_disks, 2);
	assert_true(b->disks[0].readonly);
	assert_false(b->disks[1].readonly);
	assert_string_equal(b->disks[1].dev, "xvdb");
	assert_int_equal(b->n_nics, 1);
	assert_int_equal(b->nics[0].xenif, 1);
	assert_int_equal(b->nics[0].mtu, 1500);
	assert_int_equal(b->n_topology, 1);
	assert_int_equal(b->n_channels, 1);
	assert_int_equal(b->channels[0].kind, STUBDOM_CHANNEL_QMP);
}

static void test_round_trip(void **state)
{
	struct boot_contract first;
	struct boot_contract second;
	struct err err;
	char *text;

	assert_int_equal(boot_contract_parse(whole, strlen(whole), &first, &err), 0);
	check_whole(&first);
	text = boot_contract_format(&first);
	assert_non_null(text);
	assert_int_equal(boot_contract_parse(text, strlen(text), &second, &err), 0);
	check_whole(&second);
	free(text);
	boot_contract_free(&first);
	boot_contract_free(&second);
}

static void test_damaged(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"", "boot.json: line 1"},
		{"{\"version\":1", "boot.json: line 1"},
		{"[]", "version"},
		{"{\"version\":2}", "this agent speaks 1, the launcher wrote 2"},
		{"{\"version\":1,\"guest\":{\"domid\":-1}}", "guest.domid"},
		{"{\"version\":1,\"guest\":{\"domid\":1}}", "guest.name"},
		{"{\"version\":1,\"guest\":{\"domid\":1,\"name\":\"a\"}}", "qemu.path"},
		{"{\"version\":1,\"guest\":{\"domid\":1,\"name\":\"a\"},\"qemu\":"
		 "{\"path\":\"/q\",\"argv\":[]}}",
		 "qemu.argv"},
		{"{\"version\":1,\"guest\":{\"domid\":1,\"name\":\"a\"},\"qemu\":"
		 "{\"path\":\"/q\",\"argv\":[1]}}",
		 "argv[0]"},
		{"{\"version\":1,\"guest\":{\"domid\":1,\"name\":\"a\"},\"qemu\":"
		 "{\"path\":\"/q\",\"argv\":[\"q\"]},\"disks\":{}}",
		 "disks: expected an array"},
		{"{\"version\":1,\"guest\":{\"domid\":1,\"name\":\"a\"},\"qemu\":"
		 "{\"path\":\"/q\",\"argv\":[\"q\"]},\"channels\":[{\"name\":\"../x\","
		 "\"kind\":\"qmp\",\"path\":\"/x\"}]}",
		 "'../x' is not a channel name"},
		{"{\"version\":1,\"guest\":{\"domid\":1,\"name\":\"a\"},\"qemu\":"
		 "{\"path\":\"/q\",\"argv\":[\"q\"]},\"channels\":[{\"name\":\"x\","
		 "\"kind\":\"telepathy\",\"path\":\"/x\"}]}",
		 "'telepathy' is not a kind"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct boot_contract boot;
		struct err err = {0};

		assert_int_equal(boot_contract_parse(cases[i].text, strlen(cases[i].text),
						     &boot, &err),
				 -1);
		assert_non_null(strstr(err.msg, cases[i].says));
		assert_null(boot.argv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
