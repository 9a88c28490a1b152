/* SPDX-License-Identifier: MIT */
/* The wall between programs and Xen: the hypercalls, values and domains that pass. Xen
 * checks all of this, too; its checks have been wrong before (docs/kernel.md). */
#include "firewall.h"

#include "core.h"
#include "lent.h"
#include "store.h"

#include <nub/errno.h>
#include <nub/printk.h>

#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define SAID_MAX 8u
/* Frames of one operation: 4 GiB of them. */
#define FRAMES_MAX (1u << 20)
/* Of the addresses of messages (Intel SDM volume 3, 11.11). */
#define APIC_MEBIBYTE 0xfeeu
enum { ACPI_S0 = 0, ACPI_S3 = 3 }; /* HVM_PARAM_ACPI_S_STATE */
/* Guest frame numbers that an architecture with 52 address bits has. */
#define GFN_END (1UL << 40)
#define ISA_IRQS 16u
#define PCI_LINKS 4u
#define PCI_SLOTS 32u
#define PCI_PINS 4u
#define PINS_MAX 32u

/* A line for each hypercall, the first time. */
static void refused(u64 hypercall, u64 op)
{
	static u64 said;
	static unsigned lines;
	const u64 bit = 1UL << MIN(hypercall, 63UL);

	if (said & bit || lines == SAID_MAX)
		return;
	said |= bit;
	lines++;
	printk("xen: hypercall %lu, operation %#lx, of a program refused\n", hypercall,
	       op);
}

const struct call_rule *firewall_dm_op(u32 op)
{
	if (op < dm_rule_count && dm_rules[op].name)
		return &dm_rules[op];
	refused(__HYPERVISOR_dm_op, op);
	return NULL;
}

const struct call_rule *firewall_call(u64 hypercall, u64 op)
{
	for (unsigned i = 0; i < call_rule_count; i++)
		if (call_rules[i].hypercall == hypercall && call_rules[i].op == op &&
		    (!call_rules[i].lent || lent_any()))
			return &call_rules[i];
	refused(hypercall, op);
	return NULL;
}

int firewall_values(const struct call_rule *rule, const void *arg, size_t second)
{
	static unsigned lines;
	int err = rule->check ? rule->check(arg, second) : 0;

	if (err && lines < SAID_MAX) {
		lines++;
		printk("xen: %s of a program refused for its values\n", rule->name);
	}
	return err;
}

/* The launcher writes the node before the domain runs, and never again. */
static domid_t target(void)
{
	static domid_t found = DOMID_INVALID;
	static bool none;
	u64 dom;
	int err;

	if (likely(found != DOMID_INVALID) || none)
		return found;
	err = store_read_u64("target", &dom);
	if (!err && dom < DOMID_FIRST_RESERVED && dom != xen_domid)
		found = (domid_t)dom;
	none = !err || err == -ENOENT;
	return found;
}

bool firewall_peer(u64 dom, unsigned who)
{
	if (dom >= DOMID_FIRST_RESERVED)
		return false;
	if (who & PEER_TARGET && dom == target())
		return true;
	return (who & PEER_SELF && dom == xen_domid) || (who & PEER_DOM0 && !dom);
}

/* --- values --- */

static int valid(bool ok)
{
	return ok ? 0 : -EINVAL;
}

/* Frames [first, first + n). */
static bool frames_ok(u64 first, u64 n)
{
	return n && n <= FRAMES_MAX && first < GFN_END - n;
}

int check_create_server(const void *arg, size_t second)
{
	const struct xen_dm_op_create_ioreq_server *a = arg;

	return valid(a->handle_bufioreq <= HVM_IOREQSRV_BUFIOREQ_ATOMIC);
}

int check_server_info(const void *arg, size_t second)
{
	const struct xen_dm_op_get_ioreq_server_info *a = arg;

	return valid(!(a->flags & ~XEN_DMOP_no_gfns));
}

int check_range(const void *arg, size_t second)
{
	const struct xen_dm_op_ioreq_server_range *a = arg;

	return valid(a->type <= XEN_DMOP_IO_RANGE_PCI && a->start <= a->end);
}

int check_server_state(const void *arg, size_t second)
{
	const struct xen_dm_op_set_ioreq_server_state *a = arg;

	return valid(a->enabled <= 1);
}

int check_dirty_vram(const void *arg, size_t second)
{
	const struct xen_dm_op_track_dirty_vram *a = arg;

	/* No frames: tracking ends. */
	return valid(!a->nr || (a->nr <= second * 8 && frames_ok(a->first_pfn, a->nr)));
}

int check_intx(const void *arg, size_t second)
{
	const struct xen_dm_op_set_pci_intx_level *a = arg;

	return valid(!a->domain && !a->bus && a->device < PCI_SLOTS &&
		     a->intx < PCI_PINS && a->level <= 1);
}

int check_isa_irq(const void *arg, size_t second)
{
	const struct xen_dm_op_set_isa_irq_level *a = arg;

	return valid(a->isa_irq < ISA_IRQS && a->level <= 1);
}

int check_link_route(const void *arg, size_t second)
{
	const struct xen_dm_op_set_pci_link_route *a = arg;

	return valid(a->link < PCI_LINKS && a->isa_irq < ISA_IRQS);
}

int check_modified(const void *arg, size_t second)
{
	const struct xen_dm_op_modified_memory *a = arg;

	return valid(!a->opaque && a->nr_extents &&
		     a->nr_extents <=
			     second / sizeof(struct xen_dm_op_modified_memory_extent));
}

int check_mem_type(const void *arg, size_t second)
{
	const struct xen_dm_op_set_mem_type *a = arg;

	return valid(a->mem_type <= HVMMEM_mmio_dm && frames_ok(a->first_pfn, a->nr));
}

int check_msi(const void *arg, size_t second)
{
	const struct xen_dm_op_inject_msi *a = arg;

	/*
	 * QEMU gives the address or, for a message that a device writes to memory, the
	 * place in the local APIC's mebibyte (hw/i386/xen/xen_apic.c). The upper half may
	 * be the rest of a number of an interrupt that the guest has as an event.
	 */
	const u32 mebibyte = (u32)a->addr >> 20;

	return valid(!mebibyte || mebibyte == APIC_MEBIBYTE);
}

int check_shutdown(const void *arg, size_t second)
{
	const struct xen_dm_op_remote_shutdown *a = arg;

	/* Not SHUTDOWN_suspend: a toolstack would take the guest for saved. */
	return valid(a->reason == SHUTDOWN_poweroff || a->reason == SHUTDOWN_reboot ||
		     a->reason == SHUTDOWN_crash);
}

int check_relocate(const void *arg, size_t second)
{
	const struct xen_dm_op_relocate_memory *a = arg;

	return valid(frames_ok(a->src_gfn, a->size) && frames_ok(a->dst_gfn, a->size));
}

/* Xen keeps a list of these ranges, once without a limit. QEMU makes one for each place
 * that the guest gives the screen's memory. One is pinned at a time: we are under the
 * kernel's lock. */
int check_pin(const void *arg, size_t second)
{
	static struct {
		u64 start, end;
	} pins[PINS_MAX];
	static unsigned n;
	const struct xen_dm_op_pin_memory_cacheattr *a = arg;

	if (a->type != XEN_DMOP_MEM_CACHEATTR_WB || a->end < a->start ||
	    !frames_ok(a->start, a->end - a->start + 1))
		return -EINVAL;
	for (unsigned i = 0; i < n; i++)
		if (pins[i].start == a->start && pins[i].end == a->end)
			return 0;
	if (n == PINS_MAX)
		return -ENOSPC;
	pins[n].start = a->start;
	pins[n++].end = a->end;
	return 0;
}

int check_populate(const void *arg, size_t second)
{
	const struct xen_memory_reservation *a = arg;

	return valid(a->nr_extents && a->nr_extents <= FRAMES_MAX && !a->extent_order &&
		     !a->mem_flags);
}

int check_set_param(const void *arg, size_t second)
{
	const struct xen_hvm_param *a = arg;

	return valid(a->index == HVM_PARAM_ACPI_S_STATE &&
		     (a->value == ACPI_S3 || a->value == ACPI_S0));
}
