/* SPDX-License-Identifier: MIT */
/* A lent PCI device below /sys/bus/pci/devices, as QEMU's xen-pci-passthrough reads it. */
#include "pcidev.h"

#include "pcirom.h"

#include "../xen/lent.h"
#include "../xen/xenbus.h"

#include <abi/pci.h>
#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>

/* Of the configuration space (PCI Local Bus Specification 3.0, 6.1; 6.8.2). */
#define CONFIG_BYTES 4096u
#define PORTS_END 0x10000UL
#define ADDRESS_END (1UL << 52) /* an architecture's physical addresses */
#define AT_VENDOR 0x00u
#define AT_DEVICE 0x02u
#define AT_STATUS 0x06u
#define AT_REVISION 0x08u /* and the class */
#define AT_BAR 0x10u
#define AT_CAPABILITIES 0x34u
#define AT_LINE 0x3cu
#define AT_PIN 0x3du
#define STATUS_CAPABILITIES 0x10u
#define CAPABILITY_MSIX 0x11u
#define CAPABILITIES_MAX 48u /* in 192 bytes of at least four each */

/* Flags in `resource` (Linux' ioport.h; QEMU's xen-host-pci-device.c reads them). */
#define FLAG_IO 0x100UL
#define FLAG_MEMORY 0x200UL
#define FLAG_PREFETCH 0x2000UL
#define FLAG_64 0x100000UL
#define RESOURCE_LINE 57u /* "0x%016lx 0x%016lx 0x%016lx\n" */

enum { VENDOR, DEVICE, CLASS, IRQ, RESOURCE, PHYSFN, TEXTS };
static const char *const names[TEXTS] = {"vendor", "device",   "class",
					 "irq",	   "resource", "physfn"};

struct pcidev {
	int refs;	 /* pcifront's, and each file's */
	struct pciop *q; /* NULL: the device is gone */
	struct xenbus_device *xb;
	bool rom_on;
	int err; /* of an access that was not answered */
	struct pciop_place at;
	char name[32];
	struct lent_device lent;
	u64 flags[LENT_BARS];
	struct dent *dir, *config, *texts[TEXTS];
	char text[TEXTS][LENT_BARS * RESOURCE_LINE + 1];
};

static void put(struct pcidev *d)
{
	if (!--d->refs)
		kfree(d);
}

static bool digits(const char **s, u32 n, u32 *value)
{
	*value = 0;
	for (; n; n--, (*s)++) {
		const char c = **s;

		if (c >= '0' && c <= '9')
			*value = *value * 16 + (u32)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value * 16 + (u32)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

bool pcidev_parse(const char *s, struct pciop_place *at)
{
	u32 slot, function;

	if (!digits(&s, 4, &at->domain) || *s++ != ':' || !digits(&s, 2, &at->bus) ||
	    *s++ != ':' || !digits(&s, 2, &slot) || *s++ != '.' ||
	    !digits(&s, 1, &function))
		return false;
	/* pciback writes two digits of a function that it numbers. */
	if (*s) {
		const char *again = s - 1;

		if (!digits(&again, 2, &function) || *again)
			return false;
	}
	at->devfn = slot << 3 | function;
	return slot < 32 && function < 8;
}

/* --- config --- */

/* The largest access at `pos` that is aligned and no longer than `left`. */
static u32 piece(u64 pos, u64 left)
{
	u32 n = pos & 1 ? 1 : pos & 2 ? 2 : 4;

	while (n > left)
		n >>= 1;
	return n;
}

static bool has_rom(const struct pcidev *d)
{
	return d->lent.bars[LENT_BARS - 1].last;
}

static int read_register(struct pcidev *d, u32 off, u32 size, u32 *v)
{
	int err = d->q ? pciop_read(d->q, &d->at, off, size, v) : -ENODEV;

	if (!err && off == STUBDOM_PCI_ROM_REGISTER && d->rom_on)
		*v |= STUBDOM_PCI_ROM_ON;
	return err;
}

/* pciback drops a write of the ROM's register, or turns the ROM off at it. */
static int write_register(struct pcidev *d, u32 off, u32 size, u32 v)
{
	const bool on = v & STUBDOM_PCI_ROM_ON;
	int err = 0;

	if (!d->q)
		return -ENODEV;
	if (!has_rom(d) || off / 4 != STUBDOM_PCI_ROM_REGISTER / 4)
		return pciop_write(d->q, &d->at, off, size, v);
	if (off == STUBDOM_PCI_ROM_REGISTER && on != d->rom_on) {
		err = pcirom_turn(d->q, d->xb, on);
		d->rom_on = on && !err;
	}
	return err;
}

static ssize_t config_read(struct file *f, struct uio *u, u64 *pos)
{
	struct pcidev *d = f->inode->priv;
	ssize_t done = 0;

	while (u->left && *pos < CONFIG_BYTES) {
		const u32 n = piece(*pos, u->left);
		u32 v = 0;
		int err = read_register(d, (u32)*pos, n, &v);

		if (!err && uio_put(u, &v, n) != n)
			err = -EFAULT;
		if (err)
			return done ? done : err;
		*pos += n;
		done += n;
	}
	return done;
}

static ssize_t config_write(struct file *f, struct uio *u, u64 *pos)
{
	struct pcidev *d = f->inode->priv;
	ssize_t done = 0;

	while (u->left && *pos < CONFIG_BYTES) {
		const u32 n = piece(*pos, u->left);
		u32 v = 0;
		int err = uio_get(u, &v, n) == n ? 0 : -EFAULT;

		if (!err)
			err = write_register(d, (u32)*pos, n, v);
		if (err)
			return done ? done : err;
		*pos += n;
		done += n;
	}
	return done;
}

static const struct file_ops config_ops = {
	.read = config_read,
	.write = config_write,
	.seekable = true,
};

static int config_open(struct inode *ino, struct file *f)
{
	f->ops = &config_ops;
	return 0;
}

static void release(struct inode *ino)
{
	put(ino->priv);
}

static const struct inode_ops config_inode_ops = {
	.open = config_open,
	.release = release,
};

/* Plain files whose text is the device's. */
static const struct inode_ops text_inode_ops = {.release = release};

/* --- what the device is --- */

/* A register that the back end refuses (-EIO) reads as zeros.  Silence is its end. */
static bool is_done(struct pcidev *d, int err)
{
	if (err && err != -EIO)
		d->err = err;
	return !err;
}

static u32 read_config(struct pcidev *d, u32 off, u32 size)
{
	u32 v;

	return is_done(d, pciop_read(d->q, &d->at, off, size, &v)) ? v : 0;
}

static void write_config(struct pcidev *d, u32 off, u32 v)
{
	is_done(d, pciop_write(d->q, &d->at, off, 4, v));
}

/* The bits of a base address that can be set, by the usual way; *value: as they are. */
static u32 probe_bar(struct pcidev *d, u32 off, u32 *value)
{
	u32 mask;

	*value = read_config(d, off, 4);
	write_config(d, off, off == STUBDOM_PCI_ROM_REGISTER ? ~1u : ~0u);
	mask = read_config(d, off, 4);
	write_config(d, off, *value);
	return mask;
}

/*
 * Notes one range.  One that is no power of two, or not at a multiple of its size, is a lie:
 * there is no such one then.
 */
static void note_bar(struct pcidev *d, u32 i, u64 first, u64 size, u64 flags)
{
	const u64 end = flags & FLAG_IO ? PORTS_END : ADDRESS_END;

	if (!first || !size || size & (size - 1) || first & (size - 1) || size > end ||
	    first > end - size)
		return;
	d->lent.bars[i] = (struct lent_bar){
		.first = first, .last = first + size - 1, .io = flags & FLAG_IO};
	d->flags[i] = flags;
}

/* Returns how many base addresses it has taken. */
static u32 read_bar(struct pcidev *d, u32 i)
{
	u32 low, high, mask = probe_bar(d, AT_BAR + 4 * i, &low), high_mask;

	if (low & 1) {
		note_bar(d, i, low & ~3u, (u16) - (mask & 0xfffcu), FLAG_IO | (low & 3));
		return 1;
	}
	if ((low & 6) == 4 && i < 5) {
		high_mask = probe_bar(d, AT_BAR + 4 * i + 4, &high);
		note_bar(d, i, (u64)high << 32 | (low & ~15u),
			 -((u64)high_mask << 32 | (mask & ~15u)),
			 FLAG_MEMORY | FLAG_64 | (low & 15) |
				 (low & 8 ? FLAG_PREFETCH : 0));
		return 2;
	}
	note_bar(d, i, low & ~15u, (u32) - (mask & ~15u),
		 FLAG_MEMORY | (low & 15) | (low & 8 ? FLAG_PREFETCH : 0));
	return 1;
}

static void read_bars(struct pcidev *d)
{
	u32 low, mask;

	for (u32 i = 0; i < LENT_BARS - 1;)
		i += read_bar(d, i);
	mask = probe_bar(d, STUBDOM_PCI_ROM_REGISTER, &low);
	note_bar(d, LENT_BARS - 1, low & ~0x7ffu, (u32) - (mask & ~0x7ffu),
		 FLAG_MEMORY | FLAG_PREFETCH);
}

/* The table must lie in a range of the device's. */
static void read_msix(struct pcidev *d, u32 at)
{
	const u32 entries = (read_config(d, at + 2, 2) & 0x7ff) + 1;
	const u32 table = read_config(d, at + 4, 4);
	const u64 off = table & ~7u, end = off + entries * 16;
	const struct lent_bar *bar = &d->lent.bars[table & 7];

	if ((table & 7) >= LENT_BARS - 1 || !bar->last || bar->io ||
	    end > bar->last - bar->first + 1)
		return;
	d->lent.msix_base = bar->first;
	d->lent.msix_table = bar->first + off;
	d->lent.msix_entries = entries;
}

static void read_capabilities(struct pcidev *d)
{
	u32 at;

	if (!(read_config(d, AT_STATUS, 2) & STATUS_CAPABILITIES))
		return;
	at = read_config(d, AT_CAPABILITIES, 1) & ~3u;
	for (u32 n = 0; n < CAPABILITIES_MAX && at >= 0x40; n++) {
		const u32 head = read_config(d, at, 2);

		if ((head & 0xff) == CAPABILITY_MSIX) {
			read_msix(d, at);
			return;
		}
		at = head >> 8 & ~3u;
	}
}

static void tell_texts(struct pcidev *d)
{
	char *resource = d->text[RESOURCE];
	size_t at = 0;

	snprintf(d->text[VENDOR], RESOURCE_LINE, "0x%04x\n",
		 read_config(d, AT_VENDOR, 2));
	snprintf(d->text[DEVICE], RESOURCE_LINE, "0x%04x\n",
		 read_config(d, AT_DEVICE, 2));
	snprintf(d->text[CLASS], RESOURCE_LINE, "0x%06x\n",
		 read_config(d, AT_REVISION, 4) >> 8);
	snprintf(d->text[IRQ], RESOURCE_LINE, "%u\n", d->lent.irq);
	for (u32 i = 0; i < LENT_BARS; i++)
		at += (size_t)snprintf(resource + at, sizeof(d->text[0]) - at,
				       "0x%016lx 0x%016lx 0x%016lx\n",
				       (unsigned long)d->lent.bars[i].first,
				       (unsigned long)d->lent.bars[i].last,
				       (unsigned long)d->flags[i]);
}

/* --- its names --- */

static struct dent *make_file(struct pcidev *d, const char *name, u32 mode,
			      const struct inode_ops *ops)
{
	struct dent *dent;
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", d->name, name);
	dent = tree_try(path, mode, ops, d);
	if (dent)
		d->refs++;
	return dent;
}

/* -ENOMEM: some of them are there. */
static int make_files(struct pcidev *d, bool virtual)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", d->name);
	d->dir = tree_try(path, S_IFDIR | 0755, NULL, NULL);
	d->config = make_file(d, "config", S_IFREG | 0600, &config_inode_ops);
	if (!d->dir || !d->config)
		return -ENOMEM;
	for (u32 i = 0; i < TEXTS; i++) {
		struct inode *ino;

		if (i == PHYSFN && !virtual)
			continue;
		d->texts[i] = make_file(d, names[i], S_IFREG | 0444, &text_inode_ops);
		if (!d->texts[i])
			return -ENOMEM;
		ino = d->texts[i]->inode;
		ino->base = (const u8 *)d->text[i];
		ino->base_size = ino->size = strlen(d->text[i]);
	}
	return 0;
}

static void unlink_file(struct dent *d)
{
	if (!d)
		return;
	dent_unlink(d);
	dent_put(d);
}

const char *pcidev_name(const struct pcidev *d)
{
	return d->name;
}

bool pcidev_has_msix(const struct pcidev *d)
{
	return d->lent.msix_table;
}

void pcidev_remove(struct pcidev *d)
{
	lent_remove(&d->lent);
	d->q = NULL;
	unlink_file(d->config);
	for (u32 i = 0; i < TEXTS; i++)
		unlink_file(d->texts[i]);
	unlink_file(d->dir);
	put(d);
}

struct pcidev *pcidev_create(struct pciop *q, struct xenbus_device *xb,
			     const struct pciop_place *real, const struct pciop_place *at)
{
	struct pcidev *d = kzalloc(sizeof(*d));
	u32 ignored;
	int err;

	if (!d)
		return ERR_PTR(-ENOMEM);
	d->refs = 1;
	d->q = q;
	d->xb = xb;
	d->at = *at;
	snprintf(d->name, sizeof(d->name), "%04x:%02x:%02x.%x", (u16)real->domain,
		 (u8)real->bus, real->devfn >> 3 & 31, real->devfn & 7);
	d->lent.segment = (u16)real->domain;
	d->lent.bus = (u8)real->bus;
	d->lent.devfn = (u8)real->devfn;
	/* Whether it answers at all. */
	err = pciop_read(q, at, AT_VENDOR, 2, &ignored);
	if (!err) {
		read_bars(d);
		read_capabilities(d);
		if (read_config(d, AT_PIN, 1))
			d->lent.irq = read_config(d, AT_LINE, 1);
		tell_texts(d);
		err = d->err;
	}
	if (err) {
		put(d);
		return ERR_PTR(err);
	}
	lent_add(&d->lent);
	err = make_files(d, xenbus_read_other(xb, STUBDOM_PCI_PHYSFN, 0));
	if (err) {
		pcidev_remove(d);
		return ERR_PTR(err);
	}
	return d;
}
