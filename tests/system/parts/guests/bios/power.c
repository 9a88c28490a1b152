/* SPDX-License-Identifier: MIT */
/* Power button, power-off and reset of a PIIX4 machine, Xen's or plain QEMU's. */
#include "bios.h"

#define PIIX4_PM 0x71138086u
#define PIIX4_PM_BASE 0x40
#define XEN_PM_BASE 0xb000 /* ACPI_PM1A_EVT_BLK_ADDRESS_V1 in Xen's public headers */
#define PM1_STS 0
#define PM1_EN 2
#define PM1_CNT 4
#define PWRBTN 0x100
#define SLP_EN 0x2000 /* with SLP_TYP 0, soft off on both machines */

static uint16_t pm_base = XEN_PM_BASE;

void power_init(void)
{
	for (unsigned int devfn = 0; devfn < 256; devfn++) {
		if (pci_read(devfn & ~7u, 0) == 0xffffffffu) {
			devfn |= 7;
			continue;
		}
		if (pci_read(devfn, 0) == PIIX4_PM) {
			uint16_t base = pci_read(devfn, PIIX4_PM_BASE) & 0xffc0;

			if (base)
				pm_base = base;
			break;
		}
	}
	outw(pm_base + PM1_STS, PWRBTN);
	outw(pm_base + PM1_EN, PWRBTN);
}

int power_button_pressed(void)
{
	return inw(pm_base + PM1_STS) & PWRBTN;
}

void power_off(void)
{
	outw(pm_base + PM1_CNT, SLP_EN);
}

void power_reset(void)
{
	outb(0x64, 0xfe); /* the keyboard controller pulses the CPU's reset line */
}
