/* SPDX-License-Identifier: MIT */
/* dom0's notes on a disk's file: extended attributes of the class "trusted", which only
 * root sees.  The stub domain does not write to them. */
#ifndef STUBDOM_CHECK_MARK_H
#define STUBDOM_CHECK_MARK_H

#include "err.h"

#define DISK_MARK_BYTES "trusted.qemu-stubdom.bytes" /* a decimal number */
#define DISK_MARK_GUEST "trusted.qemu-stubdom.guest" /* a name */

struct disk_mark {
	unsigned long long bytes; /* that its header asked for at first; 0: not known */
	char guest[256]; /* that may write to it, or could last; "": none known */
};

void disk_mark_read(int fd, struct disk_mark *out);

/* Before a guest gets the file to write to.  `bytes`: kept if none are yet.  -1 and errno
 * if the file system has no such attributes. */
int disk_mark_write(int fd, const char *guest, unsigned long long bytes);

/*
 * Looks through a folder, and those in it, for files that may be written to and that
 * another guest than `guest` writes, or did.  Their number, and the first one's path and
 * guest; 0: none found in the first thousands of files.
 */
struct disk_mark_found {
	unsigned n;
	char path[512];
	char guest[256];
};
void disk_mark_find_others(const char *dir, const char *guest,
			   struct disk_mark_found *out);

#endif
