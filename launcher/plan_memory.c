/* SPDX-License-Identifier: MIT */
/* How much memory a stub domain gets when nobody says. */
#include <string.h>

#include "plan.h"

enum {
	MIB = 1 << 20,
	GRANULE_MB = 16,
	LINUX_MB =
		160, /* kernel, page tables, QEMU's own 31 MB, its threads and caches */
	NUB_MB = 64,
};

/*
 * Linux unpacks the ramdisk while it still holds it, so its bytes count twice;
 * nub uses it in place.  The guest's screen memory is mapped from the guest, but
 * is drawn through a buffer of the same size in QEMU.
 */
void plan_set_memory(struct plan *plan, const struct manifest *manifest)
{
	const struct manifest_kernel *kernel =
		manifest_find_kernel(manifest, stubopt_kernel_name(plan->kernel));
	bool linux_kernel = plan->kernel == STUBOPT_KERNEL_LINUX;
	unsigned long long bytes = kernel ? kernel->ramdisk_bytes : manifest->root_bytes;
	unsigned long long mb;

	if (plan->memory_mb)
		return;
	for (size_t i = 0; i < plan->n_files; i++)
		bytes += plan->files[i].bytes;
	mb = (bytes * (linux_kernel ? 2 : 1) + MIB - 1) / MIB + plan->vram_mb +
	     (linux_kernel ? LINUX_MB : NUB_MB);
	plan->memory_mb = (unsigned)((mb + GRANULE_MB - 1) / GRANULE_MB * GRANULE_MB);
}
