/* SPDX-License-Identifier: MIT */
/* The nodes by which dom0's pciback and the stub domain hear of a PCI device. */
#ifndef STUBDOM_DOMAIN_PCI_NODES_H
#define STUBDOM_DOMAIN_PCI_NODES_H

#include "domain/host.h"
#include "domain/pci_device.h"

/*
 * Each device has a back end of its own, with a number from 1 on: they come, go and fail one
 * by one.  libxl knows of number 0 only.  So it takes none of these for one of its own,
 * whose end would free a device that the guest still has.
 */

/* Both halves. */
int pci_nodes_make(struct domain_host *host, uint32_t stub, unsigned number,
		   const struct pci_device *device, struct err *err);

/* 1: both sides are connected; 0: not yet; -1: pciback refuses. */
int pci_nodes_connected(struct domain_host *host, uint32_t stub, unsigned number);

/* The device's ROM, as the stub domain wants it: 1: on; 0: off; -1: it has not said. */
int pci_nodes_rom_asked(struct domain_host *host, uint32_t stub, unsigned number);
/* abi/pci.h has the answers. */
int pci_nodes_rom_tell(struct domain_host *host, uint32_t stub, unsigned number,
		       unsigned answer, struct err *err);

/* Asks both sides for the end. */
int pci_nodes_close(struct domain_host *host, uint32_t stub, unsigned number,
		    struct err *err);

/* Whether pciback has let go of all that it had: its own device in sysfs is gone. */
bool pci_nodes_closed(uint32_t stub, unsigned number);

/* Removes both halves; pciback lets go of a device that it still has.  Also its complaint. */
void pci_nodes_remove(struct domain_host *host, uint32_t stub, unsigned number);

/* All that there may be of a stub domain that is gone. */
void pci_nodes_remove_all(struct domain_host *host, uint32_t stub);

#endif
