/* SPDX-License-Identifier: MIT */
/* PCI devices that the stub domain gets and loses while it runs. */
#ifndef STUBDOM_DOMAIN_PCI_H
#define STUBDOM_DOMAIN_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/host.h"
#include "domain/pci_device.h"
#include "pci_lent.h"
#include "plan/plan.h"

/*
 * The relay asks for these, and the stub domain may have taken it over.  So it can have
 * only devices that the toolstack has given to this guest, and that dom0's pciback holds.
 * The guest's own rights, the IOMMU and the reset of the device are the toolstack's.
 */
struct domain_pci {
	struct domain_host *host;
	const struct plan *plan;
	uint32_t stub;
	int signals; /* one that came ends each wait for the stub domain */
	bool watching;
	struct pci_slot {
		bool used;
		bool shown;	  /* there are nodes of it */
		bool rom;	  /* as the stub domain wanted it last */
		bool rom_refused; /* dom0 could not; it is not tried again */
		struct pci_device device;
	} slots[PCI_LENT_MAX];
};

/* Tokens of watches; they are set with the first device. */
#define DOMAIN_PCI_OWNERS "pci"	     /* what the toolstack gives to which guest */
#define DOMAIN_PCI_ERROR "pci-error" /* of a back end that the toolstack makes in vain */

/*
 * "dddd:bb:ss.f".  Blocks until the stub domain sees the device, 7 s at most, and is taken
 * back again if it does not.  One that it has already is taken back before.
 */
int domain_pci_lend(struct domain_pci *pci, const char *name, struct err *err);

/* Blocks until the device is free, 8 s at most if the stub domain keeps it. */
void domain_pci_return(struct domain_pci *pci, const char *name);

/* Takes back what the toolstack has taken from the guest. */
void domain_pci_check_owners(struct domain_pci *pci);

/* Turns ROMs on and off, as the stub domain wants it (abi/pci.h). */
void domain_pci_turn_roms(struct domain_pci *pci);

/* libxl also makes a back end for the guest, which pciback refuses, with a node as trace. */
void domain_pci_remove_error(struct domain_pci *pci);

/* The rest of it all when the stub domain, which the facts name, is gone. */
void domain_pci_undo(struct domain_host *host, uint32_t guest);

#endif
