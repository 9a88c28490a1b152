/* SPDX-License-Identifier: MIT */
/* Devices that PV drivers took away are found, and not given to the next QEMU. */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "domain/replace_gone.h"

static char *argv[] = {
	"qemu",
	"-netdev",
	"type=tap,id=net0,ifname=tap0",
	"-device",
	"e1000,id=nic0,netdev=net0,mac=00:16:3e:00:00:01",
	"-drive",
	"file=/dev/xvda,if=ide,index=0,media=disk,format=raw",
	"-drive",
	"if=none,readonly=on,id=ide-5632,file=/dev/xvdb,format=raw",
	"-device",
	"ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0",
	NULL,
};

enum { NETDEV = 1, NIC = 3, DISK = 5, MEDIUM = 7, CD = 9 };

static struct plan_disk disks[] = {{.dev = "xvda"}, {.dev = "xvdb", .readonly = true}};
static struct plan_nic nics[] = {{.netdev = "net0", .model = "e1000"}};

static const struct plan plan = {
	.disks = disks,
	.n_disks = 2,
	.nics = nics,
	.n_nics = 1,
	.qemu = argv,
	.n_qemu = 11,
};

#define DISK_0 "{\"device\": \"ide0-hd0\", \"inserted\": {}}"
#define CD_0 "{\"device\": \"ide-5632\", \"inserted\": {}}"
#define PCI(...) "[{\"bus\": 0, \"devices\": [" __VA_ARGS__ "]}]"
#define VGA "{\"class_info\": {\"class\": 768}, \"qdev_id\": \"\"}"
#define NIC_0 "{\"class_info\": {\"class\": 512}, \"qdev_id\": \"nic0\"}"
#define NIC_1 "{\"class_info\": {\"class\": 512}, \"qdev_id\": \"nic1\"}"

static int find(const struct plan *of, const char *blocks, const char *pci,
		struct replace_gone *gone)
{
	json_t *b = json_loads(blocks, 0, NULL), *p = json_loads(pci, 0, NULL);
	struct err err;
	int rc;

	assert_non_null(b);
	assert_non_null(p);
	rc = replace_gone_find(of, b, p, gone, &err);
	json_decref(b);
	json_decref(p);
	return rc;
}

static void test_nothing_gone(void **state)
{
	struct replace_gone gone;

	assert_int_equal(find(&plan, "[" DISK_0 "," CD_0 "]", PCI(VGA "," NIC_0), &gone),
			 0);
	for (size_t i = 0; i < plan.n_qemu; i++)
		assert_false(replace_gone_drops(&plan, &gone, i));
}

static void test_unplugged(void **state)
{
	struct replace_gone gone;

	assert_int_equal(find(&plan, "[" CD_0 "]", PCI(VGA), &gone), 0);
	for (size_t i = 0; i < plan.n_qemu; i++)
		assert_int_equal(replace_gone_drops(&plan, &gone, i),
				 i == NETDEV || i == NIC || i == DISK);
	/* Disks stay, as with xen_emul_unplug=nics. */
	assert_int_equal(find(&plan, "[" DISK_0 "," CD_0 "]", PCI(VGA), &gone), 0);
	assert_false(replace_gone_drops(&plan, &gone, DISK));
	assert_true(replace_gone_drops(&plan, &gone, NIC));
}

/* A change that PV drivers do not make. */
static void test_others(void **state)
{
	struct replace_gone gone;

	assert_int_equal(find(&plan, "[" DISK_0 "]", PCI(NIC_0), &gone), -1);
	assert_int_equal(
		find(&plan, "[" DISK_0 "," CD_0 "]", PCI(NIC_0 "," NIC_1), &gone), -1);
	assert_int_equal(find(&plan, "[" DISK_0 "," CD_0 "]", PCI(NIC_1), &gone), -1);
	assert_int_equal(find(&plan, "{}", "{}", &gone), -1);
}

/* A device behind the NIC would move to its slot. */
static void test_slots(void **state)
{
	char *more[] = {argv[0], argv[1],   argv[2],	     argv[3],
			argv[4], "-device", "ahci,id=ahci0", NULL};
	const struct plan with_ahci = {
		.nics = nics, .n_nics = 1, .qemu = more, .n_qemu = 7};
	struct replace_gone gone;

	assert_int_equal(find(&with_ahci, "[]", PCI(NIC_0), &gone), 0);
	assert_int_equal(find(&with_ahci, "[]", PCI(VGA), &gone), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_gone),
		cmocka_unit_test(test_unplugged),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
