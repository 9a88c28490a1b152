/* SPDX-License-Identifier: MIT */
/* PCI devices of dom0's: their names, what sysfs says, the rights that are lent and taken. */
#include "unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "domain/pci_device.h"

/* --- Xen: the calls, as text --- */

static char calls[1000];
static const char *failing = "none";

static int note(const char *what, unsigned long first, unsigned long n, bool allow)
{
	size_t used = strlen(calls);

	snprintf(calls + used, sizeof(calls) - used, "%c%s %lx %lx\n", allow ? '+' : '-',
		 what, first, n);
	if (strcmp(what, failing) != 0)
		return 0;
	errno = EPERM;
	return -1;
}

int xc_domain_ioport_permission(xc_interface *xc, uint32_t domid, uint32_t first,
				uint32_t n, uint32_t allow)
{
	assert_int_equal(domid, 7);
	return note("ports", first, n, allow);
}

int xc_domain_iomem_permission(xc_interface *xc, uint32_t domid, unsigned long first,
			       unsigned long n, uint8_t allow)
{
	assert_int_equal(domid, 7);
	return note("memory", first, n, allow);
}

int xc_physdev_map_pirq(xc_interface *xc, uint32_t domid, int index, int *pirq)
{
	assert_int_equal(index, *pirq);
	return note("map", (unsigned long)index, 1, true);
}

int xc_physdev_unmap_pirq(xc_interface *xc, uint32_t domid, int pirq)
{
	return note("map", (unsigned long)pirq, 1, false);
}

int xc_domain_irq_permission(xc_interface *xc, uint32_t domid, uint32_t pirq, bool allow)
{
	return note("irq", pirq, 1, allow);
}

static void expect_calls(const char *text)
{
	assert_string_equal(calls, text);
	calls[0] = '\0';
}

/* --- sysfs --- */

static char root[32];

static void put(const char *path, const char *text)
{
	char whole[200];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	if (!text) {
		assert_int_equal(mkdir(whole, 0700), 0);
		return;
	}
	file = fopen(whole, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define NAME "0000:02:00.0"
#define RESOURCE                                                                         \
	"0x00000000feb00000 0x00000000feb1ffff 0x0000000000040200\n"                     \
	"0x000000c000000800 0x000000c000000fff 0x000000000014220c\n"                     \
	"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"                     \
	"0x000000000000f000 0x000000000000f01f 0x0000000000040101\n"                     \
	"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"                     \
	"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"                     \
	"0x00000000fea00000 0x00000000fea3ffff 0x0000000000046200\n"                     \
	"0x00000000fea40000 0x00000000fea4ffff 0x0000000000046200\n"

static int make_sysfs(void **state)
{
	strcpy(root, "/tmp/stubdom-pci-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	put("devices", NULL);
	put("devices/" NAME, NULL);
	put("devices/" NAME "/resource", RESOURCE);
	put("devices/" NAME "/irq", "17\n");
	put("drivers", NULL);
	put("drivers/pciback", NULL);
	return 0;
}

static int remove_sysfs(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

/* --- tests --- */

static void test_names(void **state)
{
	static const char *const bad[] = {"",
					  "02:00.0",
					  "0000:02:00",
					  "0000:02:00.8",
					  "0000:02:20.0",
					  "0000:02:00.0 ",
					  " 0000:02:00.0",
					  "0000:2:00.0",
					  "0000:02:00.0/..",
					  "../../etc/shad",
					  "0000:02:00.0\n",
					  "+000:02:00.0",
					  "ABCD:02:00.0"};
	struct pci_device device;
	char name[PCI_NAME_SIZE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pci_device_parse(bad[i], &device), -1);
	assert_int_equal(pci_device_parse("abcd:ef:1f.7", &device), 0);
	pci_device_name(&device, name);
	assert_string_equal(name, "abcd:ef:1f.7");
}

static void test_sysfs(void **state)
{
	struct pci_device device;
	struct err err;

	pci_device_parse(NAME, &device);
	assert_int_equal(pci_device_look(&device, root, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "xl pci-assignable-add " NAME));
	put("drivers/pciback/" NAME, "");
	assert_int_equal(pci_device_look(&device, root, &err), 0);
	assert_int_equal(device.irq, 17);
	assert_false(device.virtual_function);
	put("devices/" NAME "/physfn", "");
	assert_int_equal(pci_device_look(&device, root, &err), 0);
	assert_true(device.virtual_function);

	assert_false(pci_device_is_permissive(&device, root));
	put("drivers/pciback/permissive", "0000:01:00.0\n0000:02:00.1\n");
	assert_false(pci_device_is_permissive(&device, root));
	put("drivers/pciback/permissive", "0000:01:00.0\n" NAME "\n");
	assert_true(pci_device_is_permissive(&device, root));

	/* Lent, and taken back. */
	assert_int_equal(pci_device_grant(NULL, 7, &device, &err), 0);
	expect_calls("+memory feb00 20\n+memory c000000 1\n+ports f000 20\n+memory fea00 "
		     "40\n+map 11 1\n+irq 11 1\n");
	pci_device_revoke(NULL, 7, &device, NULL, 0);
	expect_calls("-memory feb00 20\n-memory c000000 1\n-ports f000 20\n-memory fea00 "
		     "40\n-irq 11 1\n-map 11 1\n");

	put("devices/" NAME "/resource", "0x2 0x1 0x200\n");
	assert_int_equal(pci_device_look(&device, root, &err), -1);
	put("devices/" NAME "/resource", "\n");
	assert_int_equal(pci_device_look(&device, root, &err), -1);
	assert_int_equal(err.code, ERR_HOST);
}

static void expect_config(const char *text, size_t size)
{
	char path[200], now[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/devices/" NAME "/config", root);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(now, 1, sizeof(now), file), size);
	fclose(file);
	assert_memory_equal(now, text, size);
}

/* The range that dom0 has for the ROM, whatever the device has; off: one byte. */
static void test_rom(void **state)
{
#define BEFORE "0123456789abcdef0123456789abcdef0123456789abcdef"
	static const struct pci_range bad[] = {
		{0},
		{.first = 0xc0000, .last = 0xdffff},
		{.first = 0x1fea00000, .last = 0x1fea3ffff},
		{.first = 0xfea00000, .last = 0xfea3ffff, .io = true},
	};
	struct pci_device device;
	struct err err;

	pci_device_parse(NAME, &device);
	device.ranges[PCI_ROM] =
		(struct pci_range){.first = 0xfea00000, .last = 0xfea3ffff};
	assert_int_equal(pci_device_turn_rom(&device, root, true, &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	put("devices/" NAME "/config", BEFORE "WXYZ!");
	assert_int_equal(pci_device_turn_rom(&device, root, true, &err), 0);
	expect_config(BEFORE "\x01\x00\xa0\xfe!", 53);
	assert_int_equal(pci_device_turn_rom(&device, root, false, &err), 0);
	expect_config(BEFORE "\x00\x00\xa0\xfe!", 53);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		device.ranges[PCI_ROM] = bad[i];
		assert_int_equal(pci_device_turn_rom(&device, root, true, &err), -1);
		assert_non_null(strstr(err.msg, "no range"));
	}
	expect_config(BEFORE "\x00\x00\xa0\xfe!", 53);
}

/* A page that two small ranges share, and a line. */
static void test_shared(void **state)
{
	const struct pci_device one = {
		.irq = 17,
		.ranges = {{0xfe000000, 0xfe0007ff, false}, {0xf000, 0xf00f, true}}};
	const struct pci_device two = {
		.irq = 17,
		.ranges = {{0xfe000800, 0xfe000fff, false}, {0xf010, 0xf01f, true}}};
	const struct pci_device *others[] = {&two};
	struct err err;

	pci_device_revoke(NULL, 7, &one, others, 1);
	expect_calls("-ports f000 10\n");
	failing = "irq";
	assert_int_equal(pci_device_grant(NULL, 7, &one, &err), -1);
	assert_non_null(strstr(err.msg, "interrupt 17"));
	failing = "ports";
	calls[0] = '\0';
	assert_int_equal(pci_device_grant(NULL, 7, &one, &err), -1);
	expect_calls("+memory fe000 1\n+ports f000 10\n");
	failing = "none";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_sysfs, make_sysfs, remove_sysfs),
		cmocka_unit_test_setup_teardown(test_rom, make_sysfs, remove_sysfs),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
