/* SPDX-License-Identifier: MIT */
/* The image that a stub domain is started from, read and checked. */
#ifndef STUBDOM_IMAGE_LOAD_H
#define STUBDOM_IMAGE_LOAD_H

#include "err.h"
#include "image_check.h"
#include "manifest.h"

/* The manifest of an image that is root's alone and has this kernel.  ERR_HOST. */
int image_load(const char *dir, const char *kernel, struct manifest *out,
	       struct err *err);

/*
 * The same, and the kernel's files, which stay open until they are in the stub domain's
 * memory: one image may take another's place meanwhile.  The caller closes them.
 */
int image_load_checked(const char *dir, const char *kernel, struct manifest *out,
		       struct image_files *files, struct err *err);

#endif
