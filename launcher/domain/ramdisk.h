/* SPDX-License-Identifier: MIT */
/* The stub domain's ramdisk: the image's files and the boot contract, in memory. */
#ifndef STUBDOM_DOMAIN_RAMDISK_H
#define STUBDOM_DOMAIN_RAMDISK_H

#include "err.h"
#include "image_check.h"
#include "manifest.h"
#include "plan/plan.h"

/*
 * Makes an anonymous file with the kernel's ramdisks, read from their open files, and,
 * behind them, an archive of boot.json and the plan's files.  Returns its descriptor, or -1.
 */
int domain_ramdisk_make(const struct plan *plan, const struct manifest *manifest,
			const struct manifest_kernel *kernel,
			const struct image_files *files, struct err *err);

/* The boot contract in it, as JSON text; the caller frees it.  NULL: err. */
char *domain_contract_text(const struct plan *plan, const struct manifest *manifest,
			   const struct manifest_kernel *kernel, struct err *err);

#endif
