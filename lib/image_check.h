/* SPDX-License-Identifier: MIT */
/* Checks that the image is as its builder made it, and root's alone. */
#ifndef STUBDOM_IMAGE_CHECK_H
#define STUBDOM_IMAGE_CHECK_H

#include "err.h"
#include "manifest.h"

/* Sums that were right are kept here, by their own names; gone when dom0 restarts. */
#define IMAGE_SUMS_DIR "/run/qemu-stubdom/sums"

/*
 * Looks at the image's folder, those above it and the manifest, before that is read:
 * ERR_HOST if others than root can change one of them.
 */
int image_check_owner(const char *dir, struct err *err);

/* Descriptors of a kernel's files, in the order of manifest_kernel. */
struct image_files {
	int fd[MANIFEST_FILES_MAX];
	size_t n;
};

/*
 * Opens the files of one kernel in `folder` (manifest.fd).  They and the folder are to be
 * root's alone.  Each file has the size and the SHA-256 of the manifest.  On an older CPU
 * the sum takes a good part of a start.  So a file whose sum was right is summed up again
 * only once it has changed (inode, size, times).  `sums` is IMAGE_SUMS_DIR, or another
 * folder in tests.  The caller closes *out; it is empty after an error.  NULL: only a look.
 */
int image_check_kernel(int folder, const struct manifest_kernel *kernel, const char *sums,
		       struct image_files *out, struct err *err);

void image_files_close(struct image_files *files);

/* The SHA-256 of an open file, read from where it stands; `path` is for messages. */
int image_sum_up(int fd, const char *path, char text[65], struct err *err);

#endif
