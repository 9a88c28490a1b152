/* SPDX-License-Identifier: MIT */
/* Makes a disk longer that a guest has. */
#include "domain/disk_grow.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/container.h"
#include "cleanup.h"

enum { BLOCK = 4096 }; /* lengths are rounded to it */

/* The file behind a loop device, by the name that it was opened by. */
static int open_same(const struct domain_disk *disk, struct stat *st, struct err *err)
{
	int file = open(disk->target, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct loop_info64 info;

	if (file < 0)
		return err_errno(err, ERR_HOST, errno, "%s", disk->target);
	if (fstat(file, st) == 0 && ioctl(disk->fd, LOOP_GET_STATUS64, &info) == 0 &&
	    info.lo_inode == st->st_ino && info.lo_device == st->st_dev)
		return file;
	close(file);
	return err_set(err, ERR_HOST, "%s is not the file any more that the guest has",
		       disk->target);
}

/* The length that it must have; 0: as it is. */
static int find_length(const struct domain_disk *disk, int file, unsigned long long size,
		       unsigned long long *bytes, struct err *err)
{
	struct container container = {.size = size, .more = size == 0};

	if (!disk->format || strcmp(disk->format, "raw") == 0) {
		*bytes = size;
		return 0;
	}
	if (!container_format_known(disk->format))
		return 0;
	if (container_read(file, disk->target, disk->format, &container, err) < 0)
		return -1;
	*bytes = (container.bytes + BLOCK - 1) / BLOCK * BLOCK;
	return 0;
}

static int grow(const struct domain_disk *disk, unsigned long long size,
		unsigned long long most, unsigned long long *bytes, struct err *err)
{
	bool raw = !disk->format || strcmp(disk->format, "raw") == 0;
	struct stat st;
	cleanup_fd int file = open_same(disk, &st, err);

	if (file < 0 || find_length(disk, file, size, bytes, err) < 0)
		return -1;
	if (raw && size && *bytes < (unsigned long long)st.st_size)
		return err_set(err, ERR_USAGE,
			       "%s is not made shorter while a guest has it",
			       disk->target);
	if (*bytes <= (unsigned long long)st.st_size) {
		*bytes = 0;
		return 0;
	}
	if (*bytes > most)
		return err_set(
			err, ERR_HOST,
			"%s would get %llu MiB long, over its limit of %llu; start "
			"the guest with -stubdom container-max=%llu, or shut it down "
			"and use qemu-img",
			disk->target, *bytes >> 20, most >> 20, (*bytes >> 20) + 1);
	if (ftruncate(file, (off_t)*bytes) < 0 || ioctl(disk->fd, LOOP_SET_CAPACITY, 0))
		return err_errno(err, ERR_HOST, errno,
				 "%s: making it %llu bytes long, sparse", disk->target,
				 *bytes);
	return 0;
}

int disk_grow(const struct domain_disk *disk, unsigned long long size, unsigned max_mb,
	      unsigned long long *bytes, struct err *err)
{
	unsigned long long most =
		max_mb ? (unsigned long long)max_mb << 20 : 2 * disk->bytes;

	*bytes = 0;
	/* A descriptor of a QMP client's is as long as the client has made it. */
	if (!disk->target || !disk->bytes || disk->readonly)
		return 0;
	return grow(disk, size, most, bytes, err);
}
