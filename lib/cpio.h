/* SPDX-License-Identifier: MIT */
/* Writes cpio archives in the "newc" form that kernels read as initramfs. */
#ifndef STUBDOM_CPIO_H
#define STUBDOM_CPIO_H

#include <stdint.h>

#include "err.h"

/*
 * An archive being written to a file descriptor, which stays the caller's.
 * Every entry is owned by root and dated 0, so the same input gives the same
 * bytes.  The form: Linux, Documentation/driver-api/early-userspace/buffer-format.rst
 */
struct cpio {
	int fd;
	uint64_t offset; /* bytes written since cpio_begin */
	uint32_t inode;
};

void cpio_begin(struct cpio *cpio, int fd);

/* mode: permission bits only. name: relative, without "..", directories first. */
int cpio_add_dir(struct cpio *cpio, const char *name, unsigned mode, struct err *err);
int cpio_add_bytes(struct cpio *cpio, const char *name, unsigned mode, const void *data,
		   size_t len, struct err *err);

/*
 * The contents of a file of the host; from 4 KiB on, at a multiple of 4096 bytes from the
 * archive's beginning.  ERR_HOST if it cannot be read or changes size.
 */
int cpio_add_file(struct cpio *cpio, const char *name, unsigned mode, const char *source,
		  struct err *err);

/* Writes the trailer; the archive ends on a multiple of 512 bytes. */
int cpio_end(struct cpio *cpio, struct err *err);

/*
 * Appends all of the file `from` to fd, from its beginning; *bytes grows by the written
 * bytes.  `source` is for messages.
 */
int cpio_copy_file(int fd, int from, const char *source, uint64_t *bytes,
		   struct err *err);

#endif
