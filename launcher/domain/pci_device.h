/* SPDX-License-Identifier: MIT */
/* A PCI device of dom0's, as its sysfs shows it, and a domain's rights to it. */
#ifndef STUBDOM_DOMAIN_PCI_DEVICE_H
#define STUBDOM_DOMAIN_PCI_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenctrl.h>

#include "err.h"

#define PCI_SYSFS "/sys/bus/pci"

/* Six base addresses and the ROM; in sysfs other ranges may follow, of bridges. */
enum { PCI_RANGES = 7, PCI_ROM = 6, PCI_NAME_SIZE = 16 };

/* Machine addresses or ports, the last one included; last 0: there is none. */
struct pci_range {
	uint64_t first, last;
	bool io;
};

struct pci_device {
	unsigned segment, bus, slot, function;
	bool virtual_function;
	unsigned irq; /* of its line; 0: none */
	struct pci_range ranges[PCI_RANGES];
};

/* "dddd:bb:ss.f" and nothing else; -1: it is none.  The rest of *device is zeros. */
int pci_device_parse(const char *text, struct pci_device *device);

/* The same text. */
void pci_device_name(const struct pci_device *device, char name[PCI_NAME_SIZE]);

/*
 * Reads the rest from `sysfs`.  ERR_USAGE if there is no such device, or if it does not
 * belong to pciback.
 */
int pci_device_look(struct pci_device *device, const char *sysfs, struct err *err);

/*
 * Whether pciback passes all writes to its configuration space.  It was told so for a guest
 * of before: libxl tells it after the loan, and pciback forgets when it loses the device.
 */
bool pci_device_is_permissive(const struct pci_device *device, const char *sysfs);

/*
 * On: with the address of the range that dom0 has for the ROM.  The device may have another
 * one: Linux does not write it while the ROM is off, and firmware leaves what it likes.  Off:
 * the byte that has the bit.  pciback sets it back when it takes the device.
 */
int pci_device_turn_rom(const struct pci_device *device, const char *sysfs, bool on,
			struct err *err);

/* Xen lets the domain map the device's memory and ports into a guest, and use its line. */
int pci_device_grant(xc_interface *xc, uint32_t domid, const struct pci_device *device,
		     struct err *err);

/*
 * The end of these rights, but for what `others` still have: small ranges may share a page,
 * and lines are shared.
 */
void pci_device_revoke(xc_interface *xc, uint32_t domid, const struct pci_device *device,
		       const struct pci_device *const *others, size_t n);

#endif
