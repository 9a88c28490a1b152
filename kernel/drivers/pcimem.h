/* SPDX-License-Identifier: MIT */
/* /dev/mem, of which there is one thing: the MSI-X tables of lent PCI devices. */
#ifndef NUB_DRIVERS_PCIMEM_H
#define NUB_DRIVERS_PCIMEM_H

/* Makes the node, if this Xen does what its answer rests on. */
void pcimem_offer(void);

#endif
