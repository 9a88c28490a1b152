/* SPDX-License-Identifier: MIT */
/* The hypercall firewall for lent PCI devices: what belongs to them, and nothing beside it. */
#include "unit.h"
#include <errno.h>

#include "../../../kernel/xen/core.h"
#include "../../../kernel/xen/firewall.h"
#include "../../../kernel/xen/lent.h"
#include "../../../kernel/xen/store.h"

#include <xen/domctl.h>
#include <xen/physdev.h>

domid_t xen_domid = 9;

int store_read_u64(const char *path, u64 *v)
{
	return -ENOENT;
}

static struct lent_device device = {
	.segment = 1,
	.bus = 2,
	.devfn = 0x18,
	.irq = 17,
	.bars = {{0xf000, 0xf01f, true},
		 {0xfeb00000, 0xfeb03fff, false},
		 {0xc000000000, 0xc00001ffff, false}},
	.msix_base = 0xfeb00000,
	.msix_table = 0xfeb02000,
	.msix_entries = 5,
};

static int lend(void **state)
{
	lent_add(&device);
	return 0;
}

static int take_back(void **state)
{
	lent_remove(&device);
	return 0;
}

static int domctl(u32 cmd, struct xen_domctl a)
{
	a.cmd = cmd;
	if (!a.interface_version)
		a.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	return firewall_values(firewall_call(__HYPERVISOR_domctl, cmd), &a, 0);
}

static int memory(u64 first, u64 n)
{
	return domctl(XEN_DOMCTL_memory_mapping,
		      (struct xen_domctl){.u.memory_mapping = {.first_gfn = 0xf0000,
							       .first_mfn = first,
							       .nr_mfns = n,
							       .add_mapping = 1}});
}

static int ports(u32 first, u32 n)
{
	return domctl(XEN_DOMCTL_ioport_mapping,
		      (struct xen_domctl){.u.ioport_mapping = {.first_gport = 0xc000,
							       .first_mport = first,
							       .nr_ports = n}});
}

static int bind(u32 pirq, u32 type)
{
	return domctl(XEN_DOMCTL_bind_pt_irq,
		      (struct xen_domctl){
			      .u.bind_pt_irq = {.machine_irq = pirq, .irq_type = type}});
}

static int physdev(u32 op, const void *arg)
{
	return firewall_values(firewall_call(__HYPERVISOR_physdev_op, op), arg, 0);
}

static int map(struct physdev_map_pirq a)
{
	return physdev(PHYSDEVOP_map_pirq, &a);
}

static unsigned count_calls(void)
{
	unsigned n = 0;

	for (u64 op = 0; op < 128; op++)
		n += (firewall_call(__HYPERVISOR_domctl, op) != NULL) +
		     (firewall_call(__HYPERVISOR_physdev_op, op) != NULL);
	return n;
}

/* Without a device there is no such call. */
static void test_none(void **state)
{
	assert_int_equal(count_calls(), 0);
	lend(state);
	assert_int_equal(count_calls(), 7);
	take_back(state);
	assert_int_equal(count_calls(), 0);
}

static void test_memory(void **state)
{
	assert_int_equal(memory(0xfeb00, 4), 0);
	assert_int_equal(memory(0xfeb03, 1), 0);
	assert_int_equal(memory(0xc000000, 0x20), 0);
	assert_int_equal(memory(0xfeb00, 5), -EPERM);
	assert_int_equal(memory(0xfeaff, 1), -EPERM);
	assert_int_equal(memory(0xfeaff, 2), -EPERM);
	assert_int_equal(memory(0xf, 1), -EPERM); /* ports are no memory */
	assert_int_equal(memory(0, 1), -EPERM);
	assert_int_equal(memory(0xfeb00, 0), -EINVAL);
	assert_int_equal(memory(0xfeb00, ~0UL), -EINVAL);
	assert_int_equal(memory(~0UL, 2), -EINVAL);
	assert_int_equal(
		domctl(XEN_DOMCTL_memory_mapping,
		       (struct xen_domctl){
			       .interface_version = 0x16,
			       .u.memory_mapping = {.first_mfn = 0xfeb00, .nr_mfns = 1}}),
		-EINVAL);
}

static void test_ports(void **state)
{
	assert_int_equal(ports(0xf000, 32), 0);
	assert_int_equal(ports(0xf01f, 1), 0);
	assert_int_equal(ports(0xf000, 33), -EPERM);
	assert_int_equal(ports(0xefff, 1), -EPERM);
	assert_int_equal(ports(0xfeb00000, 1), -EPERM); /* memory is no port */
	assert_int_equal(ports(0xf000, 0), -EINVAL);
	assert_int_equal(ports(0xf000, ~0u), -EINVAL);
	assert_int_equal(ports(~0u, 2), -EPERM);
}

static void test_interrupts(void **state)
{
	struct physdev_map_pirq msix = {
		.type = MAP_PIRQ_TYPE_MSI_SEG,
		.index = -1,
		.pirq = -1,
		.bus = 1 << 16 | 2,
		.devfn = 0x18,
		.entry_nr = 4,
		.table_base = 0xfeb00000,
	};
	struct physdev_map_pirq other = msix;
	struct physdev_unmap_pirq unmap = {.pirq = 40};

	assert_int_equal(map(msix), 0);
	other.entry_nr = 5;
	assert_int_equal(map(other), -EPERM);
	other = msix;
	other.table_base = 0xfeb02000;
	assert_int_equal(map(other), -EPERM);
	other = msix;
	other.devfn = 0x19;
	assert_int_equal(map(other), -EPERM);
	other.devfn = 0x118;
	assert_int_equal(map(other), -EPERM);
	other = msix;
	other.bus = 2; /* of another segment */
	assert_int_equal(map(other), -EPERM);
	other = msix;
	other.index = 5; /* an interrupt of dom0's */
	assert_int_equal(map(other), -EPERM);
	other = msix;
	other.table_base = 0; /* MSI */
	assert_int_equal(map(other), 0);
	other.entry_nr = 33;
	assert_int_equal(map(other), -EPERM);

	assert_int_equal(
		map((struct physdev_map_pirq){.type = MAP_PIRQ_TYPE_GSI, .index = 17}),
		0);
	assert_int_equal(
		map((struct physdev_map_pirq){.type = MAP_PIRQ_TYPE_GSI, .index = 16}),
		-EPERM);
	assert_int_equal(map((struct physdev_map_pirq){.type = MAP_PIRQ_TYPE_UNKNOWN,
						       .index = 17}),
			 -EPERM);

	/* Only interrupts that were mapped so. */
	assert_int_equal(bind(40, PT_IRQ_TYPE_MSI), -EPERM);
	assert_int_equal(physdev(PHYSDEVOP_unmap_pirq, &unmap), -EPERM);
	msix.pirq = 40;
	lent_note_pirq(PHYSDEVOP_map_pirq, &msix);
	assert_int_equal(bind(40, PT_IRQ_TYPE_MSI), 0);
	assert_int_equal(bind(40, PT_IRQ_TYPE_PCI), 0);
	assert_int_equal(bind(40, PT_IRQ_TYPE_ISA), -EINVAL);
	assert_int_equal(bind(41, PT_IRQ_TYPE_MSI), -EPERM);
	assert_int_equal(bind(~0u, PT_IRQ_TYPE_MSI), -EPERM);
	assert_int_equal(physdev(PHYSDEVOP_unmap_pirq, &unmap), 0);
	lent_note_pirq(PHYSDEVOP_unmap_pirq, &unmap);
	assert_int_equal(bind(40, PT_IRQ_TYPE_MSI), -EPERM);
	msix.pirq = -5;
	lent_note_pirq(PHYSDEVOP_map_pirq, &msix);
	assert_int_equal(bind((u32)-5, PT_IRQ_TYPE_MSI), -EPERM);
}

static void test_table(void **state)
{
	assert_true(lent_is_table(0xfeb02000, 4096));
	assert_true(lent_is_table(0xfeb02000, 80));
	assert_false(lent_is_table(0xfeb02000, 8192));
	assert_false(lent_is_table(0xfeb01000, 4096));
	assert_false(lent_is_table(0xfeb02000, 0));
	assert_false(lent_is_table(0xfeb02000, ~0UL));
	assert_false(lent_is_table(~0UL, 4096));
	take_back(state);
	assert_false(lent_is_table(0xfeb02000, 4096));
	lend(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test_setup_teardown(test_memory, lend, take_back),
		cmocka_unit_test_setup_teardown(test_ports, lend, take_back),
		cmocka_unit_test_setup_teardown(test_interrupts, lend, take_back),
		cmocka_unit_test_setup_teardown(test_table, lend, take_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
