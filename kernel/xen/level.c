/* SPDX-License-Identifier: MIT */
/*
 * Interrupt levels that QEMU sets again and again: an IDE disk lowers its line at each read of its
 * status.  Xen has one bit a line, and an operation that leaves it as it is does nothing
 * (xen/arch/x86/hvm/irq.c, hvm_isa_irq_assert).  For lines of PCI QEMU looks itself.
 */
#include "level.h"

#include <xen/hvm/dm_op.h>

#define ISA_LINES 16u
/* Xen's own timers and ACPI timer set these, too. */
#define SHARED (1u << 0 | 1u << 8 | 1u << 9)

static u16 known, high;

bool level_is_set(u32 op, const void *arg)
{
	const struct xen_dm_op_set_isa_irq_level *a = arg;
	u16 line, before;

	if (op != XEN_DMOP_set_isa_irq_level || a->isa_irq >= ISA_LINES)
		return false;
	line = (u16)(1u << a->isa_irq);
	if (line & SHARED)
		return false;
	before = known & line ? high & line : (u16)~0;
	known |= line;
	high = a->level ? high | line : high & (u16)~line;
	return before == (high & line);
}
