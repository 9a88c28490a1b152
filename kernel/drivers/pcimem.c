/* SPDX-License-Identifier: MIT */
/* /dev/mem, of which there is one thing: the MSI-X tables of lent PCI devices. */
#include "pcimem.h"

#include "../xen/hypercall.h"
#include "../xen/lent.h"

#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/vfs.h>

#include <xen/features.h>
#include <xen/version.h>

/* xen/include/public/features.h; Debian 12's headers (4.17) are older. */
#ifndef XENFEAT_dm_msix_all_writes
#define XENFEAT_dm_msix_all_writes 20
#endif

/*
 * QEMU reads an entry's mask while it handles a write that unmasks the entry.  With
 * XENFEAT_dm_msix_all_writes Xen gives QEMU each such write, and unmasks the entry itself
 * afterwards.  So "masked" is the answer, always, and no page of the device is mapped here.
 * Other registers in the table's pages Xen serves itself.
 */
#define ENTRY_WORDS 4u
#define MASK_WORD 3u /* PCI Local Bus Specification 3.0, 6.8.2.9 */

static struct page *masked;

static int mem_fault(struct vma *v, u64 index, bool write, u64 *pfn)
{
	page_get(masked);
	*pfn = page_to_pfn(masked);
	return 0;
}

static const struct vma_ops mem_vma_ops = {.fault = mem_fault};

static int mem_mmap(struct file *f, struct vma *v)
{
	if (v->flags & VM_WRITE ||
	    !lent_is_table(v->pgoff << PAGE_SHIFT, v->end - v->start))
		return -EPERM;
	v->ops = &mem_vma_ops;
	v->flags |= VM_MAYNOTWRITE;
	return 0;
}

static const struct file_ops mem_ops = {.mmap = mem_mmap};

static int mem_open(struct inode *ino, struct file *f)
{
	f->ops = &mem_ops;
	return 0;
}

static bool xen_tells_writes(void)
{
	struct xen_feature_info info = {.submap_idx = 0};

	return !xen_version_op(XENVER_get_features, &info) &&
	       info.submap >> XENFEAT_dm_msix_all_writes & 1;
}

void pcimem_offer(void)
{
	u32 *words;

	if (masked)
		return;
	if (!xen_tells_writes()) {
		printk_once("pci: this Xen is too old for MSI-X in a stub domain\n");
		return;
	}
	masked = page_alloc(0, ALLOC_ZERO);
	if (!masked)
		return;
	words = page_to_virt(masked);
	for (u32 i = MASK_WORD; i < PAGE_SIZE / sizeof(*words); i += ENTRY_WORDS)
		words[i] = 1;
	/* The next device tries again. */
	if (chrdev_register("mem", 1, 1, mem_open)) {
		page_put(masked);
		masked = NULL;
	}
}
