/* SPDX-License-Identifier: MIT */
/* The hypercall firewall: which operations, which values, which domains. */
#include "unit.h"
#include <errno.h>

#include "../../../kernel/xen/core.h"
#include "../../../kernel/xen/firewall.h"
#include "../../../kernel/xen/store.h"

#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

enum { TARGET = 7, SELF = 9 };

domid_t xen_domid = SELF;
static int store_error;
static unsigned store_asked;

int store_read_u64(const char *path, u64 *v)
{
	assert_string_equal(path, "target");
	store_asked++;
	*v = TARGET;
	return store_error;
}

/* The first test: nothing is known yet. */
static void test_target(void **state)
{
	store_error = -EIO;
	assert_false(firewall_peer(TARGET, PEER_TARGET));
	assert_false(firewall_peer(TARGET, PEER_TARGET));
	assert_int_equal(store_asked, 2);
	store_error = 0;
	assert_true(firewall_peer(TARGET, PEER_TARGET));
	assert_true(firewall_peer(TARGET, PEER_TARGET));
	assert_int_equal(store_asked, 3);
}

static void test_peers(void **state)
{
	const u64 none[] = {DOMID_SELF, DOMID_IO, DOMID_XEN,	      DOMID_INVALID,
			    DOMID_IDLE, 8,	  1UL << 16 | TARGET, 1UL << 32};

	for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(firewall_peer(none[i], PEER_TARGET | PEER_SELF | PEER_DOM0));
	assert_false(firewall_peer(TARGET, PEER_SELF | PEER_DOM0));
	assert_true(firewall_peer(SELF, PEER_SELF));
	assert_false(firewall_peer(SELF, PEER_TARGET | PEER_DOM0));
	assert_true(firewall_peer(0, PEER_DOM0));
	assert_false(firewall_peer(0, PEER_TARGET | PEER_SELF));
}

static void test_operations(void **state)
{
	unsigned dm = 0, calls = 0;

	for (u32 op = 0; op < 300; op++)
		dm += firewall_dm_op(op) != NULL;
	assert_int_equal(dm, 16);
	assert_null(firewall_dm_op(XEN_DMOP_inject_event));
	assert_null(firewall_dm_op(XEN_DMOP_map_mem_type_to_ioreq_server));
	assert_null(firewall_dm_op(~0u));
	for (u64 nr = 0; nr < 64; nr++)
		for (u64 op = 0; op < 128; op++)
			calls += firewall_call(nr, op) != NULL;
	assert_int_equal(calls, 2);
	assert_null(firewall_call(1UL << 32 | __HYPERVISOR_hvm_op, HVMOP_set_param));
	assert_null(firewall_call(__HYPERVISOR_hvm_op, 1UL << 32 | HVMOP_set_param));
	assert_non_null(firewall_call(__HYPERVISOR_hvm_op, HVMOP_set_param));
}

static int dm_with(u32 op, const void *arg, size_t second)
{
	return firewall_values(&dm_rules[op], arg, second);
}

#define TRY(op, type, second, ...)                                                       \
	dm_with(XEN_DMOP_##op, &(struct xen_dm_op_##type){__VA_ARGS__}, second)

static void test_interrupts(void **state)
{
	assert_int_equal(TRY(set_isa_irq_level, set_isa_irq_level, 0, 15, 1), 0);
	assert_int_equal(TRY(set_isa_irq_level, set_isa_irq_level, 0, 16, 1), -EINVAL);
	assert_int_equal(TRY(set_isa_irq_level, set_isa_irq_level, 0, 1, 2), -EINVAL);
	assert_int_equal(TRY(set_pci_intx_level, set_pci_intx_level, 0, 0, 0, 31, 3, 1),
			 0);
	assert_int_equal(TRY(set_pci_intx_level, set_pci_intx_level, 0, 1, 0, 31, 3, 1),
			 -EINVAL);
	assert_int_equal(TRY(set_pci_intx_level, set_pci_intx_level, 0, 0, 0, 32, 3, 1),
			 -EINVAL);
	assert_int_equal(TRY(set_pci_intx_level, set_pci_intx_level, 0, 0, 0, 31, 4, 1),
			 -EINVAL);
	assert_int_equal(TRY(set_pci_link_route, set_pci_link_route, 0, 4, 5), -EINVAL);
	assert_int_equal(TRY(set_pci_link_route, set_pci_link_route, 0, 3, 16), -EINVAL);
	assert_int_equal(TRY(inject_msi, inject_msi, 0, .addr = 0xfee01000), 0);
	assert_int_equal(TRY(inject_msi, inject_msi, 0, .addr = 0x5fee01000), 0);
	/* As QEMU's local APIC passes it on. */
	assert_int_equal(TRY(inject_msi, inject_msi, 0, .addr = 0x1000), 0);
	assert_int_equal(TRY(inject_msi, inject_msi, 0, .addr = 0xfed01000), -EINVAL);
}

static void test_memory(void **state)
{
	const u64 end = 1UL << 40;

	assert_int_equal(TRY(track_dirty_vram, track_dirty_vram, 512, .nr = 4096), 0);
	assert_int_equal(TRY(track_dirty_vram, track_dirty_vram, 511, .nr = 4096),
			 -EINVAL);
	assert_int_equal(TRY(track_dirty_vram, track_dirty_vram, 0, .nr = 0), 0);
	assert_int_equal(
		TRY(track_dirty_vram, track_dirty_vram, 4096, .nr = 1, .first_pfn = ~0UL),
		-EINVAL);
	assert_int_equal(TRY(modified_memory, modified_memory, 16, .nr_extents = 1), 0);
	assert_int_equal(TRY(modified_memory, modified_memory, 16, .nr_extents = 2),
			 -EINVAL);
	assert_int_equal(TRY(modified_memory, modified_memory, 16, .nr_extents = 0),
			 -EINVAL);
	assert_int_equal(
		TRY(modified_memory, modified_memory, 16, .nr_extents = 1, .opaque = 1),
		-EINVAL);
	assert_int_equal(
		TRY(relocate_memory, relocate_memory, 0, .size = 16, .dst_gfn = end - 17),
		0);
	assert_int_equal(
		TRY(relocate_memory, relocate_memory, 0, .size = 16, .dst_gfn = end - 16),
		-EINVAL);
	assert_int_equal(TRY(relocate_memory, relocate_memory, 0, .size = ~0u), -EINVAL);
	assert_int_equal(TRY(set_mem_type, set_mem_type, 0, .nr = 1, .mem_type = 3),
			 -EINVAL);
	assert_int_equal(TRY(map_io_range_to_ioreq_server, ioreq_server_range, 0,
			     .type = 3, .end = 1),
			 -EINVAL);
	assert_int_equal(TRY(map_io_range_to_ioreq_server, ioreq_server_range, 0,
			     .start = 2, .end = 1),
			 -EINVAL);
}

static void test_pins(void **state)
{
	unsigned good = 0;

	for (u64 i = 0; i < 100; i++) {
		int rc = TRY(pin_memory_cacheattr, pin_memory_cacheattr, 0, .start = i,
			     .end = i, .type = XEN_DMOP_MEM_CACHEATTR_WB);

		assert_true(!rc || rc == -ENOSPC);
		good += !rc;
	}
	assert_int_equal(good, 32);
	/* One of them again is no new one. */
	assert_int_equal(TRY(pin_memory_cacheattr, pin_memory_cacheattr, 0, .start = 1,
			     .end = 1, .type = XEN_DMOP_MEM_CACHEATTR_WB),
			 0);
	assert_int_equal(TRY(pin_memory_cacheattr, pin_memory_cacheattr, 0, .start = 1,
			     .end = 1, .type = XEN_DMOP_DELETE_MEM_CACHEATTR),
			 -EINVAL);
	assert_int_equal(TRY(pin_memory_cacheattr, pin_memory_cacheattr, 0, .start = 2,
			     .end = 1, .type = XEN_DMOP_MEM_CACHEATTR_WB),
			 -EINVAL);
}

static void test_ends(void **state)
{
	for (u32 reason = 0; reason < 10; reason++) {
		const bool good = reason == SHUTDOWN_poweroff ||
				  reason == SHUTDOWN_reboot || reason == SHUTDOWN_crash;

		assert_int_equal(TRY(remote_shutdown, remote_shutdown, 0, reason),
				 good ? 0 : -EINVAL);
	}
}

static void test_calls(void **state)
{
	struct xen_memory_reservation r = {.nr_extents = 4096};
	struct xen_hvm_param p = {.index = HVM_PARAM_ACPI_S_STATE, .value = 3};

	assert_int_equal(check_populate(&r, 0), 0);
	r.nr_extents = 0;
	assert_int_equal(check_populate(&r, 0), -EINVAL);
	r.nr_extents = ~0UL;
	assert_int_equal(check_populate(&r, 0), -EINVAL);
	r = (struct xen_memory_reservation){.nr_extents = 1, .extent_order = 9};
	assert_int_equal(check_populate(&r, 0), -EINVAL);
	r = (struct xen_memory_reservation){.nr_extents = 1, .mem_flags = 1 << 16};
	assert_int_equal(check_populate(&r, 0), -EINVAL);
	assert_int_equal(check_set_param(&p, 0), 0);
	p.value = 1;
	assert_int_equal(check_set_param(&p, 0), -EINVAL);
	p = (struct xen_hvm_param){.index = HVM_PARAM_CALLBACK_IRQ};
	assert_int_equal(check_set_param(&p, 0), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target),	   cmocka_unit_test(test_peers),
		cmocka_unit_test(test_operations), cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_memory),	   cmocka_unit_test(test_pins),
		cmocka_unit_test(test_ends),	   cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
