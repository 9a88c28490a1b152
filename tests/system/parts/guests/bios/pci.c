/* SPDX-License-Identifier: MIT */
/* PCI configuration space, bus 0, by configuration mechanism 1. */
#include "bios.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc

uint32_t pci_read(unsigned int devfn, unsigned int reg)
{
	outl(CONFIG_ADDRESS, 0x80000000u | devfn << 8 | (reg & 0xfc));
	return inl(CONFIG_DATA);
}

void pci_write(unsigned int devfn, unsigned int reg, uint32_t value)
{
	outl(CONFIG_ADDRESS, 0x80000000u | devfn << 8 | (reg & 0xfc));
	outl(CONFIG_DATA, value);
}

int pci_find(uint16_t class, unsigned int n)
{
	for (unsigned int slot = 0; slot < 32; slot++) {
		unsigned int functions = 1;

		for (unsigned int f = 0; f < functions; f++) {
			unsigned int devfn = slot << 3 | f;

			if ((pci_read(devfn, 0) & 0xffff) == 0xffff)
				continue;
			if (f == 0 && pci_read(devfn, 0x0c) & 0x800000)
				functions = 8;
			if (pci_read(devfn, 8) >> 16 == class && n-- == 0)
				return devfn;
		}
	}
	return -1;
}
