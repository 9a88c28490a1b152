/* SPDX-License-Identifier: MIT */
/* Bounds of PCI pass-through, for the launcher, its relay and `stubdom`. */
#ifndef STUBDOM_PCI_LENT_H
#define STUBDOM_PCI_LENT_H

/* Devices that one guest has at a time. */
enum { PCI_LENT_MAX = 16 };

/* Interrupts mapped by PVH domains: "x86/hvm: allow {,un}map_pirq hypercalls unconditionally". */
#define PCI_XEN_MAJOR 4
#define PCI_XEN_MINOR 20

#endif
