/* SPDX-License-Identifier: MIT */
/* PCI devices of dom0's that are lent to this domain: what programs may do with them. */
#ifndef NUB_XEN_LENT_H
#define NUB_XEN_LENT_H

#include <nub/list.h>
#include <nub/types.h>

#define LENT_BARS 7u /* the last one: the ROM */

/* Machine addresses or ports, the last one included; last 0: there is none. */
struct lent_bar {
	u64 first, last;
	bool io;
};

/* All of it as the back end told, and put in order by drivers/pcidev.c. */
struct lent_device {
	struct list link;
	u16 segment; /* the place that Xen knows */
	u8 bus, devfn;
	u32 irq; /* of its line, in dom0's numbers; 0: none */
	struct lent_bar bars[LENT_BARS];
	u64 msix_base;	/* machine address of the BAR with the MSI-X table */
	u64 msix_table; /* the table's own; 0: none */
	u32 msix_entries;
};

/* The device stays where it is until lent_remove(). */
void lent_add(struct lent_device *d);
void lent_remove(struct lent_device *d);
/* Without one no program makes any hypercall for PCI devices. */
bool lent_any(void);
/* Whether the pages hold nothing but pages of one device's MSI-X table. */
bool lent_is_table(u64 address, u64 bytes);
/* The answer of a PHYSDEVOP_map_pirq or unmap_pirq that programs made. */
void lent_note_pirq(u32 op, const void *arg);

#endif
