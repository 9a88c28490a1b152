/* SPDX-License-Identifier: MIT */
/* PCI devices that come and go, with a dom0 of this file's. */
#include "domain/pci.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/pci.h"
#include "clock.h"
#include "domain/pci_nodes.h"
#include "unit.h"
#include "xenstore_util.h"

#define NAME "0000:01:00.0"
#define SECOND "0000:01:00.1"

static struct {
	unsigned granted, revoked, made, asked_to_close, removed;
	bool closed; /* pciback has let go */
	int rom;     /* as the stub domain wants it; -1: it has not said */
	bool rom_fails;
	unsigned turned, told, answer;
	bool refuses; /* Xen, the right */
	bool none;    /* the toolstack has given no device */
	unsigned unmarked;
	int minor; /* of Xen 4's version */
} dom0;

static struct domain_host host;
static struct plan plan = {
	.name = "guest-dm", .guest_domid = 7, .type = STUBOPT_TYPE_PVH};
static struct domain_pci pci;
static const struct pci_slot lent = {.used = true, .shown = true, .device = {.bus = 1}};
static int signals[2];

char *xenstore_read(struct xs_handle *xs, const char *fmt, ...)
{
	unsigned function;
	va_list args;

	if (dom0.none || strncmp(fmt, "/libxl", 6) != 0)
		return NULL;
	va_start(args, fmt);
	for (int i = 0; i < 3; i++)
		va_arg(args, unsigned);
	function = va_arg(args, unsigned);
	va_end(args);
	return function == 0 ? strdup("7") : NULL;
}

void xenstore_remove(struct xs_handle *xs, const char *fmt, ...)
{
	dom0.unmarked += strncmp(fmt, "/libxl/pci/", 11) == 0;
}

bool xs_watch(struct xs_handle *xs, const char *path, const char *token)
{
	return true;
}

const libxl_version_info *libxl_get_version_info(libxl_ctx *ctx)
{
	static libxl_version_info info = {.xen_version_major = 4};

	info.xen_version_minor = dom0.minor;
	return &info;
}

int domain_host_error(struct domain_host *h, struct err *err, const char *fmt, ...)
{
	return -1;
}

enum domain_life domain_host_life(struct domain_host *h, uint32_t domid)
{
	return DOMAIN_LIFE_ALIVE;
}

int pci_device_look(struct pci_device *device, const char *sysfs, struct err *err)
{
	return 0;
}

bool pci_device_is_permissive(const struct pci_device *device, const char *sysfs)
{
	return false;
}

int pci_device_parse(const char *text, struct pci_device *device)
{
	*device = (struct pci_device){.bus = 1, .function = strcmp(text, SECOND) == 0};
	return device->function || strcmp(text, NAME) == 0 ? 0 : -1;
}

void pci_device_name(const struct pci_device *device, char name[PCI_NAME_SIZE])
{
	strcpy(name, device->function ? SECOND : NAME);
}

int pci_device_turn_rom(const struct pci_device *device, const char *sysfs, bool on,
			struct err *err)
{
	dom0.turned++;
	assert_int_equal(on, dom0.rom);
	return dom0.rom_fails ? err_set(err, ERR_HOST, "locked down") : 0;
}

int pci_nodes_rom_asked(struct domain_host *h, uint32_t stub, unsigned number)
{
	return number == 1 ? dom0.rom : -1;
}

int pci_nodes_rom_tell(struct domain_host *h, uint32_t stub, unsigned number,
		       unsigned answer, struct err *err)
{
	dom0.told++;
	dom0.answer = answer;
	return 0;
}

int pci_device_grant(xc_interface *xc, uint32_t domid, const struct pci_device *device,
		     struct err *err)
{
	dom0.granted++;
	return dom0.refuses ? err_set(err, ERR_HOST, "no") : 0;
}

void pci_device_revoke(xc_interface *xc, uint32_t domid, const struct pci_device *device,
		       const struct pci_device *const *others, size_t n)
{
	dom0.revoked++;
}

int pci_nodes_make(struct domain_host *h, uint32_t stub, unsigned number,
		   const struct pci_device *device, struct err *err)
{
	dom0.made++;
	return 0;
}

int pci_nodes_connected(struct domain_host *h, uint32_t stub, unsigned number)
{
	return 0;
}

int pci_nodes_close(struct domain_host *h, uint32_t stub, unsigned number,
		    struct err *err)
{
	dom0.asked_to_close++;
	return 0;
}

bool pci_nodes_closed(uint32_t stub, unsigned number)
{
	return dom0.closed;
}

void pci_nodes_remove(struct domain_host *h, uint32_t stub, unsigned number)
{
	dom0.removed++;
	dom0.closed = true;
}

void pci_nodes_remove_all(struct domain_host *h, uint32_t stub)
{
}

static int set_up(void **state)
{
	memset(&dom0, 0, sizeof(dom0));
	dom0.minor = 20;
	plan.kernel = STUBOPT_KERNEL_NUB;
	pci = (struct domain_pci){.host = &host, .plan = &plan, .stub = 8};
	if (pipe(signals) < 0)
		return -1;
	pci.signals = signals[0];
	return 0;
}

static int tear_down(void **state)
{
	close(signals[0]);
	close(signals[1]);
	return 0;
}

/* Nodes that were never made are not made by their end. */
static void test_refused_early(void **state)
{
	struct err err;

	dom0.refuses = true;
	assert_int_equal(domain_pci_lend(&pci, NAME, &err), -1);
	assert_string_equal(err.msg, "lending PCI device " NAME ": no");
	assert_int_equal(dom0.granted, 1);
	assert_int_equal(dom0.revoked, 1);
	assert_int_equal(dom0.made, 0);
	assert_int_equal(dom0.asked_to_close, 0);
	assert_int_equal(dom0.removed, 0);
	assert_false(pci.slots[0].used);
}

static void check_refused(const char *name, const char *why)
{
	struct err err;

	assert_int_equal(domain_pci_lend(&pci, name, &err), -1);
	assert_string_equal(err.msg, why);
	assert_int_equal(dom0.granted, 0);
	assert_false(pci.slots[0].used);
}

/* Function 0 alone is the guest's: libxl's "BB:SS.*".  It keeps one that it has. */
static void test_not_given(void **state)
{
	struct err err;

	pci.slots[0] = lent;
	assert_int_equal(domain_pci_lend(&pci, SECOND, &err), -1);
	assert_int_equal(dom0.unmarked, 0);
	pci.slots[0].used = false;
	check_refused(SECOND, "the toolstack has given function 0 of PCI device " SECOND
			      " only: name each function in place of '*'");
	assert_int_equal(dom0.unmarked, 1);
	dom0.none = true;
	check_refused(SECOND,
		      "the toolstack has not given PCI device " SECOND " to domain 7");
	check_refused(NAME,
		      "the toolstack has not given PCI device " NAME " to domain 7");
	assert_int_equal(dom0.unmarked, 1);
}

static void test_not_able(void **state)
{
	dom0.minor = 19;
	check_refused(NAME, "PCI pass-through needs Xen 4.20 or later, this is 4.19");
	plan.kernel = STUBOPT_KERNEL_LINUX;
	check_refused(NAME, "PCI pass-through needs '-stubdom kernel=nub,type=pvh'");
}

/* A stub domain that keeps a device costs no time once we are to end. */
static void test_signal(void **state)
{
	int64_t start = clock_ms();

	pci.slots[0] = lent;
	assert_int_equal(write(signals[1], "", 1), 1);
	domain_pci_return(&pci, NAME);
	assert_true(clock_ms() - start < 3500); /* without the signal: 4000 */
	assert_int_equal(dom0.asked_to_close, 1);
	assert_int_equal(dom0.removed, 1);
	assert_int_equal(dom0.revoked, 1);
	assert_false(pci.slots[0].used);
}

/* The toolstack has it no more in either of its lists. */
static void test_return(void **state)
{
	pci.slots[0] = lent;
	dom0.closed = true;
	domain_pci_check_owners(&pci);
	assert_true(pci.slots[0].used);
	plan.guest_domid = 9;
	domain_pci_check_owners(&pci);
	plan.guest_domid = 7;
	assert_false(pci.slots[0].used);
	assert_int_equal(dom0.revoked, 1);
}

static void expect_turn(unsigned turned, unsigned answer)
{
	domain_pci_turn_roms(&pci);
	assert_int_equal(dom0.turned, turned);
	assert_int_equal(dom0.told, turned);
	assert_int_equal(dom0.answer, answer);
}

/* Once for each change, of a device that is lent. */
static void test_rom(void **state)
{
	dom0.rom = 1;
	expect_turn(0, 0);
	pci.slots[0] = lent;
	pci.slots[1] = pci.slots[0];
	dom0.rom = -1;
	expect_turn(0, 0);
	dom0.rom = 0;
	expect_turn(0, 0);
	dom0.rom = 1;
	expect_turn(1, 1);
	expect_turn(1, 1);
	dom0.rom = 0;
	expect_turn(2, 0);
	dom0.rom = 1;
	dom0.rom_fails = true;
	expect_turn(3, STUBDOM_PCI_ROM_REFUSED);
	/* Each try would be a line in the log. */
	dom0.rom = 0;
	expect_turn(3, STUBDOM_PCI_ROM_REFUSED);
	dom0.rom = 1;
	expect_turn(3, STUBDOM_PCI_ROM_REFUSED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_refused_early), T(test_not_given), T(test_not_able),
		T(test_signal),	       T(test_return),	  T(test_rom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
