/* SPDX-License-Identifier: MIT */
/* Nodes of a lent PCI device that xen/io/pciif.h does not have: stubdom-dm's and nub's. */
#ifndef STUBDOM_ABI_PCI_H
#define STUBDOM_ABI_PCI_H

/* In the back end's half: "1" for a virtual function, which does not look like one. */
#define STUBDOM_PCI_PHYSFN "physfn-0"

/*
 * In both halves: pciback lets no front end turn a device's ROM on.  nub writes "1" or "0"
 * to its own, and stubdom-dm writes the same to the back end's when it is so.
 */
#define STUBDOM_PCI_ROM "rom"
/* stubdom-dm's answer if dom0 does not let it; it stays so for this device. */
#define STUBDOM_PCI_ROM_REFUSED 2

/* Of the register (PCI Local Bus Specification 3.0, 6.2.5.2). */
#define STUBDOM_PCI_ROM_REGISTER 0x30
#define STUBDOM_PCI_ROM_ON 1

#endif
