/* SPDX-License-Identifier: MIT */
/* The memory of a stub domain, when nobody says how much. */
#include <string.h>

#include "abi/boot.h"
#include "plan/plan.h"

enum {
	MIB = 1 << 20,
	GRANULE_MB = 4,
	LINUX_MB =
		160, /* kernel, page tables, QEMU's own 31 MB, its threads and caches */
	/* Kernel 4, QEMU's data 14, of its files 12; the rest is for requests on their
	 * way, viewers, and needs that nobody has measured.  docs/kernel.md has the
	 * figures. */
	NUB_MB = 50,
	/*
	 * Pages that a disk or interface keeps for requests, at the most:
	 * kernel/drivers.
	 */
	NUB_DEVICE_KB = 1536,
};

/*
 * nub uses the ramdisk where it lies; Linux unpacks the root while it still holds it,
 * and has the guest's boot files twice.  QEMU maps the guest's initrd, but copies its
 * kernel; on Linux that is after the ramdisk has gone.
 */
unsigned long long plan_ramdisk_bytes(const struct plan *plan,
				      const struct manifest *manifest)
{
	const struct manifest_kernel *kernel =
		manifest_find_kernel(manifest, stubopt_kernel_name(plan->kernel));
	bool linux_kernel = plan->kernel == STUBOPT_KERNEL_LINUX;
	unsigned long long bytes = kernel ? kernel->ramdisk_bytes : manifest->root_bytes;

	if (linux_kernel)
		bytes += manifest->root_bytes;
	for (size_t i = 0; i < plan->n_files; i++) {
		const struct plan_file *file = &plan->files[i];
		bool copied = strcmp(file->name, STUBDOM_BOOT_KERNEL) == 0;

		bytes += file->bytes * (linux_kernel || copied ? 2 : 1);
	}
	return bytes;
}

/*
 * The guest's screen memory is mapped from the guest, but is drawn through a buffer of
 * the same size in QEMU.
 */
void plan_set_memory(struct plan *plan, const struct manifest *manifest)
{
	unsigned long long mb;

	if (plan->memory_mb)
		return;
	mb = (plan_ramdisk_bytes(plan, manifest) + MIB - 1) / MIB + plan->vram_mb;
	if (plan->kernel == STUBOPT_KERNEL_LINUX)
		mb += LINUX_MB;
	else
		mb += NUB_MB +
		      ((plan->n_disks + plan->n_nics) * NUB_DEVICE_KB + 1023) / 1024;
	plan->memory_mb = (unsigned)((mb + GRANULE_MB - 1) / GRANULE_MB * GRANULE_MB);
}
