/* SPDX-License-Identifier: MIT */
/* The agent's changes to the network for a boot contract, as a list of operations. */
#include "unit.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ifctl.h"
#include "net.h"
#include "report.h"

static char done[4096];	      /* "op name ...; op name ...;" */
static const char *fails_at;  /* the operation that fails, or NULL */
static unsigned vif_attempts; /* number of times that the PV interface is not there yet */

static int did(struct err *err, const char *fmt, ...)
{
	char op[128];
	size_t at = strlen(done);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(op, sizeof(op), fmt, ap);
	va_end(ap);
	if (fails_at && !strcmp(op, fails_at))
		return err_errno(err, ERR_STUB, EBUSY, "%s", op);
	snprintf(done + at, sizeof(done) - at, "%s%s", at ? "; " : "", op);
	return 0;
}

int ifctl_open(struct err *err)
{
	return 0;
}

int ifctl_tap_create(const char *name, struct err *err)
{
	return did(err, "tap %s", name);
}

int ifctl_bridge_create(const char *name, struct err *err)
{
	return did(err, "bridge %s", name);
}

int ifctl_bridge_add(const char *bridge, const char *member, struct err *err)
{
	return did(err, "add %s %s", bridge, member);
}

int ifctl_bridge_delete(const char *bridge, const char *member, struct err *err)
{
	return did(err, "delete %s %s", bridge, member);
}

int ifctl_bridge_stp(const char *bridge, bool on, struct err *err)
{
	return did(err, "stp %s %d", bridge, on);
}

int ifctl_bridge_no_learning(const char *bridge, struct err *err)
{
	return did(err, "wire %s", bridge);
}

int ifctl_up(const char *name, bool up, struct err *err)
{
	return did(err, "%s %s", up ? "up" : "down", name);
}

int ifctl_mtu(const char *name, unsigned mtu, struct err *err)
{
	return did(err, "mtu %s %u", name, mtu);
}

int ifctl_neutral_mac(const char *name, struct err *err)
{
	return did(err, "mac %s", name);
}

int ifctl_claim_vif(unsigned devid, const char *name, struct err *err)
{
	if (vif_attempts && vif_attempts--)
		return 0;
	return did(err, "claim %u %s", devid, name) < 0 ? -1 : 1;
}

void report_line(const char *fmt, ...)
{
}

static int setup(const struct boot_contract *boot, struct err *err)
{
	done[0] = '\0';
	return net_setup(boot, err);
}

static struct boot_nic nic(const char *tap, unsigned xenif, unsigned mtu)
{
	return (struct boot_nic){.tap = (char *)tap, .xenif = xenif, .mtu = mtu};
}

static void test_without_nics_nothing_is_done(void **state)
{
	const struct boot_contract boot = {0};
	struct err err;

	assert_int_equal(setup(&boot, &err), 0);
	assert_string_equal(done, "");
}

static void test_each_nic_is_wired_straight(void **state)
{
	struct boot_nic nics[] = {nic("tap0", 0, 0), nic("tap1", 3, 9000)};
	const struct boot_contract boot = {.nics = nics, .n_nics = 2};
	struct err err;

	vif_attempts = 2; /* waits for it */
	assert_int_equal(setup(&boot, &err), 0);
	assert_string_equal(
		done, "claim 0 xenif0; mac xenif0; mtu xenif0 65000; claim 0 xenif0; mac "
		      "xenif0; mtu xenif0 65000; "
		      "claim 3 xenif3; mac xenif3; mtu xenif3 65000; claim 3 xenif3; mac "
		      "xenif3; mtu xenif3 65000; "
		      "tap tap0; mac tap0; mtu tap0 65000; bridge bridge0; wire bridge0; "
		      "add bridge0 tap0; add bridge0 xenif0; "
		      "up tap0; up xenif0; up bridge0; "
		      "tap tap1; mac tap1; mtu tap1 65000; bridge bridge1; wire bridge1; "
		      "add bridge1 tap1; add bridge1 xenif3; "
		      "up tap1; up xenif3; up bridge1; mtu xenif3 9000; mtu tap1 9000");
}

static void test_a_topology_is_executed_in_order(void **state)
{
	struct boot_nic nics[] = {nic("tap0", 0, 0), nic("tap1", 0, 0)};
	char *lines[] = {(char *)"ifconfig tap0 create",
			 (char *)"ifconfig tap1 create",
			 (char *)"# together",
			 (char *)"ifconfig bridge0 create",
			 (char *)"brconfig bridge0 add tap0 tap1 xenif0 stp up",
			 (char *)"ifconfig tap0 mtu 1400 down",
			 NULL};
	const struct boot_contract boot = {
		.nics = nics, .n_nics = 2, .topology = lines, .n_topology = 6};
	struct err err;

	assert_int_equal(setup(&boot, &err), 0);
	/* Three ports: this bridge learns. */
	assert_string_equal(
		done,
		"claim 0 xenif0; mac xenif0; mtu xenif0 65000; "
		"tap tap0; mac tap0; mtu tap0 65000; tap tap1; mac tap1; mtu tap1 65000; "
		"bridge bridge0; add bridge0 tap0; add bridge0 tap1; "
		"add bridge0 xenif0; stp bridge0 1; up bridge0; "
		"mtu tap0 1400; down tap0");
}

static void test_an_empty_topology_wires_nothing(void **state)
{
	struct boot_nic nics[] = {nic("tap0", 0, 0)};
	char *lines[] = {NULL};
	const struct boot_contract boot = {.nics = nics, .n_nics = 1, .topology = lines};
	struct err err;

	assert_int_equal(setup(&boot, &err), 0);
	assert_string_equal(done, "");
}

static void test_errors_name_the_place(void **state)
{
	struct boot_nic nics[] = {nic("tap0", 0, 0)};
	char *lines[] = {(char *)"ifconfig tap0 create",
			 (char *)"ifconfig bridge0 create",
			 (char *)"brconfig bridge0 add tap0", NULL};
	char *damaged[] = {(char *)"ifconfig eth0 up", NULL};
	struct boot_contract boot = {
		.nics = nics, .n_nics = 1, .topology = lines, .n_topology = 3};
	struct err err = {0};

	fails_at = "add bridge0 tap0";
	assert_int_equal(setup(&boot, &err), -1);
	assert_string_equal(err.msg,
			    "topology:3:22: add bridge0 tap0: Device or resource busy");
	fails_at = NULL;
	boot.topology = damaged;
	boot.n_topology = 1;
	assert_int_equal(setup(&boot, &err), -1);
	assert_non_null(strstr(err.msg, "topology:1:10: found 'eth0'"));
	assert_string_equal(done, "");
	boot.topology = NULL;
	nics[0].tap = (char *)"tap0/../x";
	assert_int_equal(setup(&boot, &err), -1);
	assert_string_equal(err.msg, "'tap0/../x' is not the name of a tap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_nics_nothing_is_done),
		cmocka_unit_test(test_each_nic_is_wired_straight),
		cmocka_unit_test(test_a_topology_is_executed_in_order),
		cmocka_unit_test(test_an_empty_topology_wires_nothing),
		cmocka_unit_test(test_errors_name_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
