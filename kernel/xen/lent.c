/* SPDX-License-Identifier: MIT */
/* PCI devices of dom0's that are lent to this domain: what programs may do with them. */
#include "lent.h"

#include "firewall.h"

#include <nub/errno.h>
#include <nub/page.h>

#include <xen/domctl.h>
#include <xen/physdev.h>

/* Xen gives a guest as many as its command line says (extra_guest_irqs), 32 by default. */
#define PIRQS_MAX 8192u
#define PAGE_OF(address) ((address) >> PAGE_SHIFT)
/* Of an I/O space. */
#define PORTS 0x10000u
/* Guest frame numbers that an architecture with 52 address bits has. */
#define GFN_END (1UL << 40)
#define MSIX_ENTRY_BYTES 16u
/* Messages of a device without MSI-X. */
#define MSI_MAX 32

static struct list devices = LIST_INIT(devices);
static u64 pirqs[PIRQS_MAX / 64]; /* of the target, mapped by programs of ours */

void lent_add(struct lent_device *d)
{
	list_add_tail(&devices, &d->link);
}

void lent_remove(struct lent_device *d)
{
	list_del(&d->link);
}

bool lent_any(void)
{
	return !list_empty(&devices);
}

bool lent_is_table(u64 address, u64 bytes)
{
	struct lent_device *d;

	list_for_each(d, &devices, link) {
		const u64 size = (u64)d->msix_entries * MSIX_ENTRY_BYTES;

		if (d->msix_table && bytes && address + bytes - 1 >= address &&
		    PAGE_OF(address) >= PAGE_OF(d->msix_table) &&
		    PAGE_OF(address + bytes - 1) <= PAGE_OF(d->msix_table + size - 1))
			return true;
	}
	return false;
}

static bool has_pirq(u64 n)
{
	return n < PIRQS_MAX && pirqs[n / 64] >> (n % 64) & 1;
}

void lent_note_pirq(u32 op, const void *arg)
{
	const struct physdev_map_pirq *map = arg;
	const struct physdev_unmap_pirq *unmap = arg;
	const u64 n = (u32)(op == PHYSDEVOP_map_pirq ? map->pirq : unmap->pirq);

	if (n >= PIRQS_MAX)
		return;
	if (op == PHYSDEVOP_map_pirq)
		pirqs[n / 64] |= 1UL << (n % 64);
	else
		pirqs[n / 64] &= ~(1UL << (n % 64));
}

/* --- values --- */

/* The structures are those of one version of Xen only. */
static bool version_ok(const struct xen_domctl *a)
{
	return a->interface_version == XEN_DOMCTL_INTERFACE_VERSION;
}

int check_domctl(const void *arg, size_t second)
{
	return version_ok(arg) ? 0 : -EINVAL;
}

int check_memory_mapping(const void *arg, size_t second)
{
	const struct xen_domctl *a = arg;
	const u64 first = a->u.memory_mapping.first_mfn, n = a->u.memory_mapping.nr_mfns;
	struct lent_device *d;

	if (!version_ok(a) || !n || n > GFN_END || first > GFN_END ||
	    a->u.memory_mapping.first_gfn > GFN_END - n ||
	    a->u.memory_mapping.add_mapping > 1)
		return -EINVAL;
	list_for_each(d, &devices, link)
		for (unsigned i = 0; i < LENT_BARS; i++)
			if (d->bars[i].last && !d->bars[i].io &&
			    first >= PAGE_OF(d->bars[i].first) &&
			    first + n - 1 <= PAGE_OF(d->bars[i].last))
				return 0;
	return -EPERM;
}

int check_ioport_mapping(const void *arg, size_t second)
{
	const struct xen_domctl *a = arg;
	const u64 first = a->u.ioport_mapping.first_mport;
	const u64 n = a->u.ioport_mapping.nr_ports;
	struct lent_device *d;

	if (!version_ok(a) || !n || n > PORTS ||
	    a->u.ioport_mapping.first_gport > PORTS - n ||
	    a->u.ioport_mapping.add_mapping > 1)
		return -EINVAL;
	list_for_each(d, &devices, link)
		for (unsigned i = 0; i < LENT_BARS; i++)
			if (d->bars[i].last && d->bars[i].io &&
			    first >= d->bars[i].first && first + n - 1 <= d->bars[i].last)
				return 0;
	return -EPERM;
}

int check_bind_pirq(const void *arg, size_t second)
{
	const struct xen_domctl *a = arg;
	const struct xen_domctl_bind_pt_irq *b = &a->u.bind_pt_irq;

	if (!version_ok(a) ||
	    (b->irq_type != PT_IRQ_TYPE_PCI && b->irq_type != PT_IRQ_TYPE_MSI &&
	     b->irq_type != PT_IRQ_TYPE_MSI_TRANSLATE))
		return -EINVAL;
	return has_pirq(b->machine_irq) ? 0 : -EPERM;
}

static bool message_ok(const struct lent_device *d, const struct physdev_map_pirq *a)
{
	const bool many = a->type == MAP_PIRQ_TYPE_MULTI_MSI;
	const u16 segment =
		many || a->type == MAP_PIRQ_TYPE_MSI_SEG ? (u16)((u32)a->bus >> 16) : 0;

	if (d->segment != segment || d->bus != (u8)a->bus || d->devfn != (u32)a->devfn)
		return false;
	if (!a->table_base)
		return a->entry_nr >= 0 && a->entry_nr <= MSI_MAX;
	return !many && d->msix_table && a->entry_nr >= 0 &&
	       (u32)a->entry_nr < d->msix_entries && a->table_base == d->msix_base;
}

int check_map_pirq(const void *arg, size_t second)
{
	const struct physdev_map_pirq *a = arg;
	struct lent_device *d;

	list_for_each(d, &devices, link) {
		switch (a->type) {
		case MAP_PIRQ_TYPE_GSI:
			if (d->irq && d->irq == (u32)a->index)
				return 0;
			break;
		case MAP_PIRQ_TYPE_MSI:
		case MAP_PIRQ_TYPE_MSI_SEG:
		case MAP_PIRQ_TYPE_MULTI_MSI:
			/* A number of dom0's is none of ours. */
			if (a->index < 0 && message_ok(d, a))
				return 0;
			break;
		}
	}
	return -EPERM;
}

int check_unmap_pirq(const void *arg, size_t second)
{
	const struct physdev_unmap_pirq *a = arg;

	return has_pirq((u32)a->pirq) ? 0 : -EPERM;
}
