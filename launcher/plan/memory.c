/* SPDX-License-Identifier: MIT */
/* The memory of a stub domain, when nobody says how much. */
#include <stdlib.h>
#include <string.h>

#include "abi/boot.h"
#include "plan/plan.h"

enum {
	KIB = 1 << 10,
	MIB_KB = 1 << 10,
	GRANULE_MB = 4,
	LINUX_MB = 112, /* kernel 39, it and QEMU 53 besides; the rest is for files */
	/* Kernel 4, QEMU's data 14, of its files 6 of the 9 that it uses over and over.  The
	 * rest is for viewers, and needs that nobody has measured; files use it until
	 * then.  docs/figures.md has the figures. */
	NUB_MB = 27,
	LEAST_MORE_MB = 5, /* of a guest without a screen and devices */
	/*
	 * Pages that a disk or interface keeps for requests, at the most: kernel/drivers.
	 * Linux has as many.
	 */
	DEVICE_KB = 1536,
	/* A page table for each 2 MiB of the guest that QEMU's map cache holds. */
	TABLES_KB_PER_MB = 2,
	MAP_CACHE_MAX_MB = 32 << 10, /* QEMU, hw/xen/xen-mapcache.c */
};

/* The guest's memory by QEMU's -m, as far as that can be told; 0: not. */
static unsigned long long guest_mb(const struct plan *plan)
{
	for (size_t i = 0; i + 1 < plan->n_qemu; i++) {
		const char *text = plan->qemu[i + 1];
		unsigned long long n;
		char *unit;

		if (strcmp(plan->qemu[i], "-m") != 0)
			continue;
		if (strncmp(text, "size=", 5) == 0)
			text += 5;
		n = strtoull(text, &unit, 10);
		if (*unit == 'G' || *unit == 'g')
			return n < MAP_CACHE_MAX_MB ? n * 1024 : MAP_CACHE_MAX_MB;
		return n;
	}
	return 0;
}

/*
 * nub uses the ramdisk where it lies; Linux unpacks it while it still holds it, and so
 * has the guest's boot files twice.  QEMU maps the guest's initrd, but copies its
 * kernel; on Linux that is after the ramdisk has gone.
 */
unsigned long long plan_ramdisk_bytes(const struct plan *plan,
				      const struct manifest *manifest)
{
	const struct manifest_kernel *kernel =
		manifest_find_kernel(manifest, stubopt_kernel_name(plan->kernel));
	bool linux_kernel = plan->kernel == STUBOPT_KERNEL_LINUX;
	unsigned long long bytes = kernel ? kernel->ramdisk_bytes : manifest->root_bytes;

	/* An image of before Linux had the root on a disk. */
	if (linux_kernel)
		bytes += kernel && kernel->disk ? kernel->ramdisk_bytes
						: manifest->root_bytes;
	for (size_t i = 0; i < plan->n_files; i++) {
		const struct plan_file *file = &plan->files[i];
		bool copied = strcmp(file->name, STUBDOM_BOOT_KERNEL) == 0;

		bytes += file->bytes * (linux_kernel || copied ? 2 : 1);
	}
	return bytes;
}

/* A slim QEMU has a number of its own. */
static unsigned manifest_memory(const struct manifest *manifest)
{
	return manifest->memory_mb ? manifest->memory_mb : NUB_MB;
}

/* Besides the ramdisk: QEMU and its kernel. */
unsigned long long plan_least_mb(const struct plan *plan, const struct manifest *manifest)
{
	return (plan_ramdisk_bytes(plan, manifest) >> 20) + manifest_memory(manifest) +
	       LEAST_MORE_MB;
}

/*
 * The guest's screen memory is mapped from the guest, but is drawn through a buffer of
 * the same size in QEMU.
 */
void plan_set_memory(struct plan *plan, const struct manifest *manifest)
{
	const unsigned long long granule_kb = GRANULE_MB * MIB_KB;
	unsigned long long mapped = guest_mb(plan);
	unsigned long long kb;

	if (plan->memory_mb)
		return;
	if (mapped > MAP_CACHE_MAX_MB)
		mapped = MAP_CACHE_MAX_MB;
	kb = (plan_ramdisk_bytes(plan, manifest) + KIB - 1) / KIB +
	     plan->vram_mb * MIB_KB + mapped * TABLES_KB_PER_MB +
	     (plan->n_disks + plan->n_nics) * DEVICE_KB;
	if (plan->kernel == STUBOPT_KERNEL_LINUX)
		kb += LINUX_MB * MIB_KB;
	else
		kb += manifest_memory(manifest) * MIB_KB;
	/* A guest without a screen and devices. */
	if (kb < plan_least_mb(plan, manifest) * MIB_KB)
		kb = plan_least_mb(plan, manifest) * MIB_KB;
	plan->memory_mb = (unsigned)((kb + granule_kb - 1) / granule_kb * GRANULE_MB);
}
