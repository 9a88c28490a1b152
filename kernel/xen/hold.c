/* SPDX-License-Identifier: MIT */
/* nub.guest=served: another QEMU still serves the guest, and ours does not touch it yet. */
#include "hold.h"

#include <nub/cmdline.h>

#include <xen/hvm/dm_op.h>

static bool holds, enabled_once;

void hold_init(void)
{
	holds = cmdline_has_word("nub.guest", "served");
}

bool hold_takes(u32 op)
{
	/* Devices at reset lower their lines, which are the other QEMU's. */
	return unlikely(holds) &&
	       (op == XEN_DMOP_set_pci_intx_level || op == XEN_DMOP_set_isa_irq_level ||
		op == XEN_DMOP_set_pci_link_route || op == XEN_DMOP_inject_msi);
}

static bool enables(u32 op, const void *arg)
{
	const struct xen_dm_op_set_ioreq_server_state *a = arg;

	return op == XEN_DMOP_set_ioreq_server_state && a->enabled;
}

bool hold_ends(u32 op, const void *arg)
{
	return unlikely(holds) && enabled_once && enables(op, arg);
}

bool hold_disables(u32 op, const void *arg)
{
	if (likely(!holds) || !enables(op, arg))
		return false;
	holds = !enabled_once;
	enabled_once = true;
	return holds;
}
