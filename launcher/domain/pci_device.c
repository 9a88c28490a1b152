/* SPDX-License-Identifier: MIT */
/* A PCI device of dom0's, as its sysfs shows it, and a domain's rights to it. */
#include "domain/pci_device.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/pci.h"
#include "cleanup.h"
#include "log.h"

/* Of Linux' ioport.h, in the third column of `resource`. */
#define RESOURCE_IO 0x100

/* A ROM's address (PCI Local Bus Specification 3.0, 6.2.5.2). */
#define ROM_ADDRESS 0xfffff800ULL
/* Below it Linux shows the firmware's copy of a screen's ROM, which is memory. */
#define ROM_LEAST 0x100000ULL

int pci_device_parse(const char *text, struct pci_device *device)
{
	char again[PCI_NAME_SIZE];

	*device = (struct pci_device){0};
	if (sscanf(text, "%4x:%2x:%2x.%1x", &device->segment, &device->bus, &device->slot,
		   &device->function) != 4 ||
	    device->slot > 31 || device->function > 7)
		return -1;
	pci_device_name(device, again);
	return strcmp(text, again) == 0 ? 0 : -1;
}

void pci_device_name(const struct pci_device *device, char name[PCI_NAME_SIZE])
{
	snprintf(name, PCI_NAME_SIZE, "%04x:%02x:%02x.%x", device->segment & 0xffff,
		 device->bus & 0xff, device->slot & 0x1f, device->function & 7);
}

/* Files of sysfs are short; their names too. */
static FILE *open_file(const char *sysfs, const char *name, const char *leaf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/devices/%s/%s", sysfs, name, leaf);
	return fopen(path, "re");
}

static int read_ranges(struct pci_device *device, FILE *file)
{
	for (int i = 0; i < PCI_RANGES; i++) {
		unsigned long long first, last, flags;

		if (fscanf(file, "0x%llx 0x%llx 0x%llx\n", &first, &last, &flags) != 3 ||
		    last < first)
			return -1;
		/* As libxl does: a range at 0 is none that has a place. */
		if (first)
			device->ranges[i] = (struct pci_range){
				.first = first, .last = last, .io = flags & RESOURCE_IO};
	}
	return 0;
}

int pci_device_look(struct pci_device *device, const char *sysfs, struct err *err)
{
	char name[PCI_NAME_SIZE], path[PATH_MAX];
	FILE *resource, *irq;
	int rc;

	pci_device_name(device, name);
	snprintf(path, sizeof(path), "%s/drivers/pciback/%s", sysfs, name);
	if (access(path, F_OK) < 0)
		return err_set(err, ERR_USAGE,
			       "PCI device %s does not belong to dom0's pciback (xl "
			       "pci-assignable-add %s)",
			       name, name);
	snprintf(path, sizeof(path), "%s/devices/%s/physfn", sysfs, name);
	device->virtual_function = access(path, F_OK) == 0;
	resource = open_file(sysfs, name, "resource");
	irq = open_file(sysfs, name, "irq");
	rc = resource && irq ? read_ranges(device, resource) : -1;
	if (rc == 0 && fscanf(irq, "%u", &device->irq) != 1)
		rc = -1;
	if (resource)
		fclose(resource);
	if (irq)
		fclose(irq);
	return rc == 0 ? 0
		       : err_set(err, ERR_HOST, "%s/devices/%s cannot be read", sysfs,
				 name);
}

bool pci_device_is_permissive(const struct pci_device *device, const char *sysfs)
{
	char name[PCI_NAME_SIZE], path[PATH_MAX], line[PCI_NAME_SIZE];
	bool found = false;
	FILE *list;

	pci_device_name(device, name);
	snprintf(path, sizeof(path), "%s/drivers/pciback/permissive", sysfs);
	list = fopen(path, "re");
	while (list && !found && fscanf(list, "%15s", line) == 1)
		found = strcmp(line, name) == 0;
	if (list)
		fclose(list);
	return found;
}

int pci_device_turn_rom(const struct pci_device *device, const char *sysfs, bool on,
			struct err *err)
{
	const struct pci_range *rom = &device->ranges[PCI_ROM];
	const uint32_t value = htole32((uint32_t)rom->first | STUBDOM_PCI_ROM_ON);
	const uint8_t byte = 0;
	const ssize_t bytes = on ? sizeof(value) : sizeof(byte);
	char name[PCI_NAME_SIZE], path[PATH_MAX];
	cleanup_fd int fd = -1;

	pci_device_name(device, name);
	if (on && (rom->io || rom->first < ROM_LEAST || rom->first & ~ROM_ADDRESS))
		return err_set(
			err, ERR_HOST,
			"turning the ROM of PCI device %s on: dom0 has no range for it",
			name);
	snprintf(path, sizeof(path), "%s/devices/%s/config", sysfs, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && pwrite(fd, on ? (const void *)&value : &byte, (size_t)bytes,
			      STUBDOM_PCI_ROM_REGISTER) == bytes)
		return 0;
	return err_errno(err, ERR_HOST, errno, "turning the ROM of PCI device %s %s: %s",
			 name, on ? "on" : "off", path);
}

static unsigned long first_frame(const struct pci_range *range)
{
	return range->first >> XC_PAGE_SHIFT;
}

static unsigned long frames(const struct pci_range *range)
{
	return (range->last >> XC_PAGE_SHIFT) - first_frame(range) + 1;
}

static int set_range(xc_interface *xc, uint32_t domid, const struct pci_range *range,
		     bool allow)
{
	if (!range->last)
		return 0;
	if (range->io)
		return xc_domain_ioport_permission(
			xc, domid, (uint32_t)range->first,
			(uint32_t)(range->last - range->first + 1), allow);
	return xc_domain_iomem_permission(xc, domid, first_frame(range), frames(range),
					  allow);
}

int pci_device_grant(xc_interface *xc, uint32_t domid, const struct pci_device *device,
		     struct err *err)
{
	char name[PCI_NAME_SIZE];
	int pirq = (int)device->irq;

	pci_device_name(device, name);
	for (int i = 0; i < PCI_RANGES; i++)
		if (set_range(xc, domid, &device->ranges[i], true) < 0)
			return err_errno(err, ERR_HOST, errno,
					 "lending range %d of PCI device %s to domain %u",
					 i, name, domid);
	if (device->irq &&
	    (xc_physdev_map_pirq(xc, domid, pirq, &pirq) < 0 ||
	     xc_domain_irq_permission(xc, domid, (uint32_t)pirq, true) < 0))
		return err_errno(err, ERR_HOST, errno,
				 "lending interrupt %u of PCI device %s to domain %u",
				 device->irq, name, domid);
	return 0;
}

static bool overlap(const struct pci_range *a, const struct pci_range *b)
{
	unsigned shift = a->io ? 0 : XC_PAGE_SHIFT;

	return a->last && b->last && a->io == b->io &&
	       a->first >> shift <= b->last >> shift &&
	       b->first >> shift <= a->last >> shift;
}

static bool range_is_needed(const struct pci_range *range,
			    const struct pci_device *const *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < PCI_RANGES; k++)
			if (overlap(range, &others[i]->ranges[k]))
				return true;
	return false;
}

static bool irq_is_needed(unsigned irq, const struct pci_device *const *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (others[i]->irq == irq)
			return true;
	return false;
}

void pci_device_revoke(xc_interface *xc, uint32_t domid, const struct pci_device *device,
		       const struct pci_device *const *others, size_t n)
{
	bool ok = true;

	for (int i = 0; i < PCI_RANGES; i++)
		if (!range_is_needed(&device->ranges[i], others, n))
			ok &= set_range(xc, domid, &device->ranges[i], false) == 0;
	if (device->irq && !irq_is_needed(device->irq, others, n)) {
		ok &= xc_domain_irq_permission(xc, domid, device->irq, false) == 0;
		ok &= xc_physdev_unmap_pirq(xc, domid, (int)device->irq) == 0;
	}
	/* A domain that is gone has no rights. */
	if (!ok && errno != ESRCH)
		log_warn("domain %u keeps rights to PCI device %04x:%02x:%02x.%x: %s",
			 domid, device->segment, device->bus, device->slot,
			 device->function, strerror(errno));
}
