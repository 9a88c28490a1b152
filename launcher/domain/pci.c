/* SPDX-License-Identifier: MIT */
/* PCI devices that the stub domain gets and loses while it runs. */
#include "domain/pci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/facts.h"
#include "abi/pci.h"
#include "cleanup.h"
#include "clock.h"
#include "decimal.h"
#include "domain/end_signals.h"
#include "domain/pci_nodes.h"
#include "log.h"
#include "xenstore_util.h"

/* libxl gives a device_add 10 s, and QEMU's part needs some of them. */
enum { CONNECT_MS = 7000, CLOSE_MS = 4000, POLL_MS = 20 };

/* The toolstack's, of the guest that has a device. */
#define MARK "/libxl/pci/%04x-%02x-%02x-%x/domid"
#define ERRORS "/local/domain/0/error/backend/pci/%u"
/* The toolstack's list of the guest's devices. */
#define GUESTS "/local/domain/0/backend/pci/%u/0"
enum { LISTED_MAX = 256 };

static unsigned number_of(int slot)
{
	return (unsigned)slot + 1;
}

/* The slot of the device; -1: it is not lent. */
static int find(const struct domain_pci *pci, const struct pci_device *device)
{
	for (int i = 0; i < PCI_LENT_MAX; i++) {
		const struct pci_device *d = &pci->slots[i].device;

		if (pci->slots[i].used && d->segment == device->segment &&
		    d->bus == device->bus && d->slot == device->slot &&
		    d->function == device->function)
			return i;
	}
	return -1;
}

/* Whether libxl has given the device to our guest. */
static bool is_guests(const struct domain_pci *pci, const struct pci_device *device)
{
	cleanup_free char *owner =
		xenstore_read(pci->host->xs, MARK, device->segment, device->bus,
			      device->slot, device->function);
	unsigned domid;

	return decimal_parse_unsigned(owner, 1, UINT32_MAX, &domid) == 0 &&
	       domid == pci->plan->guest_domid;
}

/*
 * Whether the toolstack has the device among the guest's.  That is so from the end of its
 * attachment to the end of its removal.
 */
static bool is_listed(const struct domain_pci *pci, const struct pci_device *device)
{
	cleanup_free char *text =
		xenstore_read(pci->host->xs, GUESTS "/num_devs", pci->plan->guest_domid);
	char name[PCI_NAME_SIZE];
	unsigned n = 0;

	pci_device_name(device, name);
	decimal_parse_unsigned(text, 0, LISTED_MAX, &n);
	for (unsigned i = 0; i < n; i++) {
		cleanup_free char *dev = xenstore_read(pci->host->xs, GUESTS "/dev-%u",
						       pci->plan->guest_domid, i);

		if (dev && strcmp(dev, name) == 0)
			return true;
	}
	return false;
}

/*
 * libxl marks function 0 for "BB:SS.*", asks for the last function only, and leaves the
 * mark when that fails (docs/upstream-bugs.md).  It says nothing about who may have the
 * others.
 */
static int refuse_owner(const struct domain_pci *pci, const struct pci_device *device,
			const char *name, struct err *err)
{
	struct pci_device first = *device;

	first.function = 0;
	if (!device->function || !is_guests(pci, &first))
		return err_set(err, ERR_USAGE,
			       "the toolstack has not given PCI device %s to domain %u",
			       name, pci->plan->guest_domid);
	if (find(pci, &first) < 0 && !is_listed(pci, &first))
		xenstore_remove(pci->host->xs, MARK, first.segment, first.bus, first.slot,
				first.function);
	return err_set(err, ERR_USAGE,
		       "the toolstack has given function 0 of PCI device %s only: name "
		       "each function in place of '*'",
		       name);
}

static int check_able(const struct domain_pci *pci, struct err *err)
{
	const libxl_version_info *info = libxl_get_version_info(pci->host->libxl);

	if (pci->plan->kernel != STUBOPT_KERNEL_NUB ||
	    pci->plan->type != STUBOPT_TYPE_PVH)
		return err_set(err, ERR_USAGE,
			       "PCI pass-through needs '-stubdom kernel=nub,type=pvh'");
	if (!info)
		return domain_host_error(pci->host, err, "asking Xen for its version");
	if (info->xen_version_major < PCI_XEN_MAJOR ||
	    (info->xen_version_major == PCI_XEN_MAJOR &&
	     info->xen_version_minor < PCI_XEN_MINOR))
		return err_set(err, ERR_HOST,
			       "PCI pass-through needs Xen %d.%d or later, this is %d.%d",
			       PCI_XEN_MAJOR, PCI_XEN_MINOR, info->xen_version_major,
			       info->xen_version_minor);
	return 0;
}

/*
 * Without this pciback keeps the bits that turn on MSI, MSI-X and the line.  It ends when
 * pciback takes the device back.
 */
static int allow_interrupts(const char *name, struct err *err)
{
	static const char path[] = PCI_SYSFS "/drivers/pciback/allow_interrupt_control";
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, name, strlen(name)) == (ssize_t)strlen(name))
		return 0;
	return err_errno(err, ERR_HOST, errno, "%s", path);
}

static void watch_toolstack(struct domain_pci *pci)
{
	char path[64];

	if (pci->watching)
		return;
	snprintf(path, sizeof(path), ERRORS, pci->plan->guest_domid);
	pci->watching = xs_watch(pci->host->xs, "/libxl/pci", DOMAIN_PCI_OWNERS) &&
			xs_watch(pci->host->xs, path, DOMAIN_PCI_ERROR);
	if (!pci->watching)
		log_warn("xenstore: watching /libxl/pci: %s", strerror(errno));
}

static int wait_connected(struct domain_pci *pci, int slot, struct err *err)
{
	for (int ms = 0; ms < CONNECT_MS; ms += POLL_MS) {
		int rc = pci_nodes_connected(pci->host, pci->stub, number_of(slot));

		if (rc > 0)
			return 0;
		if (rc < 0)
			return err_set(err, ERR_HOST, "dom0's pciback refuses (dmesg)");
		if (domain_host_life(pci->host, pci->stub) != DOMAIN_LIFE_ALIVE)
			return err_set(err, ERR_STUB, "the stub domain has ended");
		if (end_signals_came(pci->signals))
			return err_set(err, ERR_HOST, "the stub domain is to end");
		clock_wait_ms(POLL_MS);
	}
	return err_set(err, ERR_STUB, "the stub domain does not take it");
}

/* `asked`: the stub domain has its say. */
static bool wait_closed(struct domain_pci *pci, int slot, bool asked)
{
	for (int ms = 0; ms < CLOSE_MS; ms += POLL_MS) {
		if (pci_nodes_closed(pci->stub, number_of(slot)))
			return true;
		if (asked && end_signals_came(pci->signals))
			return false;
		clock_wait_ms(POLL_MS);
	}
	return false;
}

static void take_rights(struct domain_pci *pci, int slot)
{
	const struct pci_device *others[PCI_LENT_MAX];
	size_t n = 0;

	pci->slots[slot].used = false;
	for (int i = 0; i < PCI_LENT_MAX; i++)
		if (pci->slots[i].used)
			others[n++] = &pci->slots[i].device;
	pci_device_revoke(pci->host->xc, pci->stub, &pci->slots[slot].device, others, n);
}

/* A stub domain that does not let go is not asked again. */
static void take_nodes(struct domain_pci *pci, int slot, const char *name)
{
	unsigned number = number_of(slot);
	struct err err;
	bool closed;

	if (pci_nodes_close(pci->host, pci->stub, number, &err) < 0)
		log_warn("%s", err.msg);
	closed = wait_closed(pci, slot, true);
	pci_nodes_remove(pci->host, pci->stub, number);
	if (!closed && !wait_closed(pci, slot, false))
		log_warn("dom0's pciback does not let go of PCI device %s (dmesg)", name);
	log_info("%s has no PCI device %s any more%s", pci->plan->name, name,
		 closed || end_signals_came(pci->signals)
			 ? ""
			 : ", which it did not give back by itself");
}

static void take_back(struct domain_pci *pci, int slot)
{
	char name[PCI_NAME_SIZE];

	pci_device_name(&pci->slots[slot].device, name);
	/* Nodes that were never made would be made by their own end. */
	if (pci->slots[slot].shown)
		take_nodes(pci, slot, name);
	take_rights(pci, slot);
}

static int lend(struct domain_pci *pci, int slot, struct err *err)
{
	const struct pci_device *device = &pci->slots[slot].device;
	char name[PCI_NAME_SIZE];

	pci_device_name(device, name);
	if (pci_device_grant(pci->host->xc, pci->stub, device, err) < 0 ||
	    allow_interrupts(name, err) < 0 ||
	    pci_nodes_make(pci->host, pci->stub, number_of(slot), device, err) < 0)
		return -1;
	pci->slots[slot].shown = true;
	return wait_connected(pci, slot, err);
}

static int free_slot(const struct domain_pci *pci)
{
	for (int i = 0; i < PCI_LENT_MAX; i++)
		if (!pci->slots[i].used)
			return i;
	return -1;
}

int domain_pci_lend(struct domain_pci *pci, const char *name, struct err *err)
{
	struct pci_device device;
	int slot;

	if (pci_device_parse(name, &device) < 0)
		return err_set(err, ERR_USAGE, "this is no PCI device's name");
	if (!is_guests(pci, &device))
		return refuse_owner(pci, &device, name, err);
	if (check_able(pci, err) < 0 || pci_device_look(&device, PCI_SYSFS, err) < 0)
		return -1;
	slot = find(pci, &device);
	if (slot >= 0)
		take_back(pci, slot);
	slot = free_slot(pci);
	if (slot < 0)
		return err_set(err, ERR_USAGE, "the guest has %d PCI devices already",
			       PCI_LENT_MAX);
	if (pci_device_is_permissive(&device, PCI_SYSFS))
		log_warn(
			"PCI device %s is permissive since an earlier guest: dom0's pciback "
			"filters nothing (xl pci-assignable-remove %s, then -add)",
			name, name);
	watch_toolstack(pci);
	pci->slots[slot] = (struct pci_slot){.used = true, .device = device};
	if (lend(pci, slot, err) < 0) {
		struct err why = *err;

		take_back(pci, slot);
		return err_set(err, why.code, "lending PCI device %s: %.900s", name,
			       why.msg);
	}
	log_info("%s has PCI device %s", pci->plan->name, name);
	return 0;
}

void domain_pci_return(struct domain_pci *pci, const char *name)
{
	struct pci_device device;
	int slot = pci_device_parse(name, &device) == 0 ? find(pci, &device) : -1;

	/* The toolstack's own end of it may have been faster. */
	if (slot >= 0)
		take_back(pci, slot);
}

/*
 * The mark alone does not tell: an attempt to give the device to another guest, which fails,
 * removes it (docs/upstream-bugs.md).
 */
void domain_pci_check_owners(struct domain_pci *pci)
{
	for (int i = 0; i < PCI_LENT_MAX; i++)
		if (pci->slots[i].used && !is_guests(pci, &pci->slots[i].device) &&
		    !is_listed(pci, &pci->slots[i].device))
			take_back(pci, i);
}

/* The device's own range answers or not; it was lent with the others. */
static void turn_rom(struct domain_pci *pci, int slot, bool on)
{
	struct pci_slot *s = &pci->slots[slot];
	unsigned answer = on;
	struct err err;

	s->rom = on;
	if (pci_device_turn_rom(&s->device, PCI_SYSFS, on, &err) < 0) {
		log_warn("%s", err.msg);
		s->rom_refused = true;
		answer = STUBDOM_PCI_ROM_REFUSED;
	}
	if (pci_nodes_rom_tell(pci->host, pci->stub, number_of(slot), answer, &err) < 0)
		log_warn("%s", err.msg);
}

void domain_pci_turn_roms(struct domain_pci *pci)
{
	for (int i = 0; i < PCI_LENT_MAX; i++) {
		const struct pci_slot *s = &pci->slots[i];
		int asked;

		if (!s->used || !s->shown || s->rom_refused)
			continue;
		asked = pci_nodes_rom_asked(pci->host, pci->stub, number_of(i));
		if (asked >= 0 && s->rom != (bool)asked)
			turn_rom(pci, i, asked);
	}
}

void domain_pci_remove_error(struct domain_pci *pci)
{
	xenstore_remove(pci->host->xs, ERRORS, pci->plan->guest_domid);
}

void domain_pci_undo(struct domain_host *host, uint32_t guest)
{
	cleanup_free char *text =
		xenstore_read(host->xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_STUB, guest);
	unsigned stub;

	if (decimal_parse_unsigned(text, 1, UINT32_MAX, &stub) == 0)
		pci_nodes_remove_all(host, stub);
	xenstore_remove(host->xs, ERRORS, guest);
}
