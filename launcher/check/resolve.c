/* SPDX-License-Identifier: MIT */
/* Looks at what a plan names in dom0, before any domain exists, and completes it. */
#include "check/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/mark.h"
#include "cleanup.h"
#include "log.h"

enum { SECTOR = 512, PAGE = 4096 };

/* Opens it; *size is its size, also of a block device.  1: a CD drive without a disc. */
static int open_source(const char *path, bool block_too, int *fd, off_t *size,
		       bool *block, struct err *err)
{
	struct stat st;

	/* Not blocking: the path may be a fifo, which the check below refuses. */
	*fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (fstat(*fd, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	*block = S_ISBLK(st.st_mode);
	*size = 0;
	if (block_too && *block && resolve_is_empty_drive(*fd))
		return 1;
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_HOST, "%s: is a directory; name a file%s", path,
			       block_too ? " or a block device" : "");
	if (!S_ISREG(st.st_mode) && !(block_too && *block))
		return err_set(err, ERR_HOST, "%s: is no regular file%s", path,
			       block_too ? " and no block device" : "");
	*size = lseek(*fd, 0, SEEK_END);
	if (*size < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (*size == 0)
		return err_set(err, ERR_HOST, "%s: is empty (0 bytes)", path);
	return 0;
}

/*
 * The header is the guest's to write once QEMU is broken: it may not have all of dom0's
 * file system.
 */
static int check_growth(const struct plan *plan, const struct plan_disk *disk, int fd,
			unsigned long long size, struct err *err)
{
	unsigned long long most = (unsigned long long)plan->container_max_mb << 20;
	struct disk_mark mark;

	disk_mark_read(fd, &mark);
	/* Whole sectors and pages are our own addition. */
	if (!most && mark.bytes)
		most = mark.bytes > UINT64_MAX / 2 ? UINT64_MAX : 2 * mark.bytes + PAGE;
	if (!most || disk->grow_to <= size || disk->grow_to <= most)
		return 0;
	return err_set(
		err, ERR_HOST,
		"%s: its header asks for a file of %llu MiB, over the limit of %llu%s; "
		"if that is right (it was resized, or has snapshots), give -stubdom "
		"container-max=%llu",
		disk->target, disk->grow_to >> 20, most >> 20,
		plan->container_max_mb
			? " (container-max=)"
			: ", twice what it asked for when it was used first",
		(disk->grow_to >> 20) + 1);
}

/* A container: reads its header, and checks that its file may be written as it is. */
static int resolve_container(const struct plan *plan, struct plan_disk *disk, int fd,
			     bool block, struct container *container, struct err *err)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (!container_format_known(disk->format)) {
		if (disk->readonly || block)
			return 0;
		return err_set(
			err, ERR_HOST,
			"%s: a writable %s file would have to grow at its end, which a "
			"disk of the stub domain cannot; convert it (qemu-img convert "
			"-O qcow2, or raw), or put it on a block device",
			disk->target, disk->format);
	}
	if (container_read(fd, disk->target, disk->format, container, err) < 0)
		return -1;
	disk->has_backing = container->backing[0];
	if (block)
		return 0;
	/* A whole number of sectors, or the last bytes would be cut off. */
	if (!disk->readonly) {
		disk->grow_to = container->bytes > (unsigned long long)size
					? (container->bytes + PAGE - 1) / PAGE * PAGE
					: ((unsigned long long)size + SECTOR - 1) /
						  SECTOR * SECTOR;
		return check_growth(plan, disk, fd, (unsigned long long)size, err);
	}
	if (size % SECTOR)
		return err_set(err, ERR_HOST,
			       "%s: its last %d bytes are no whole sector and would not "
			       "be seen; make it longer (truncate -s %%512 FILE)",
			       disk->target, (int)(size % SECTOR));
	return 0;
}

int resolve_disk(struct plan *plan, size_t i, struct container *container,
		 struct err *err)
{
	struct plan_disk *disk = &plan->disks[i];
	bool raw = !disk->format || strcmp(disk->format, "raw") == 0;
	cleanup_fd int fd = -1;
	off_t size;
	bool block;
	int rc;

	memset(container, 0, sizeof(*container));
	rc = open_source(disk->target, true, &fd, &size, &block, err);
	if (rc < 0)
		return -1;
	if (rc > 0 && disk->readonly)
		return 0;
	if (!disk->readonly && access(disk->target, W_OK) < 0)
		return err_errno(
			err, ERR_HOST, errno,
			"%s: cannot be written (make it writable, or read-only in "
			"the guest's configuration)",
			disk->target);
	if (size < SECTOR)
		return err_set(err, ERR_HOST, "%s: smaller than one sector of %d bytes",
			       disk->target, SECTOR);
	if (!raw)
		return resolve_container(plan, disk, fd, block, container, err);
	if (size % SECTOR)
		plan_note(plan,
			  "%s: the last %d bytes are no whole sector and are not seen",
			  disk->target, (int)(size % SECTOR));
	return 0;
}

int resolve_pv_disk(const struct plan_disk *disk, struct err *err)
{
	if (disk->has_backing)
		return err_set(err, ERR_HOST,
			       "%s: it has backing files, of which QEMU's PV disk cannot "
			       "be told; flatten it (qemu-img convert -O qcow2)",
			       disk->target);
	/* xen_block_drive_create() opens the driver above the file for writing. */
	if (disk->readonly)
		return err_set(err, ERR_HOST,
			       "%s: QEMU's PV disk is never read-only; let it be written "
			       "to, or make it raw (qemu-img convert -O raw) without "
			       "backendtype=qdisk",
			       disk->target);
	return 0;
}

/* One disk, and its backing files. */
static int resolve_chain(struct plan *plan, size_t i, struct err *err)
{
	struct container container;
	int rc = resolve_disk(plan, i, &container, err);

	if (rc == 0 && plan->disks[i].pv_only)
		rc = resolve_pv_disk(&plan->disks[i], err);
	else if (rc == 0 && container.backing[0])
		rc = resolve_backing(plan, i, &container, err);
	return rc < 0 ? err_prefix(err, "disk of %s", plan->disks[i].use) : 0;
}

static int resolve_file(struct plan_file *file, struct err *err)
{
	cleanup_fd int fd = -1;
	off_t size;
	bool block;

	if (open_source(file->source, false, &fd, &size, &block, err) < 0)
		return -1;
	file->bytes = (unsigned long long)size;
	return 0;
}

/* A header can name any file in there, and the guest then reads it. */
static void check_backing_dir(const struct plan *plan)
{
	struct disk_mark_found found;

	if (!plan->backing_dir)
		return;
	disk_mark_find_others(plan->backing_dir, plan->guest_name, &found);
	if (found.n)
		log_warn(
			"-stubdom backing=%s: this guest can have its disk's header name "
			"any file in there, and %u of them are disks of other guests (%s "
			"of %s); move those out, or take away the right to write to "
			"templates (chmod a-w)",
			plan->backing_dir, found.n, found.path, found.guest);
}

int plan_resolve(struct plan *plan, struct err *err)
{
	size_t given = plan->n_disks;

	check_backing_dir(plan);
	if (plan->topology_file && !plan->topology && resolve_topology(plan, err) < 0)
		return err_prefix(err, "topology");
	for (size_t i = 0; i < given; i++) {
		if (resolve_chain(plan, i, err) < 0)
			return -1;
	}
	if (resolve_empty_drives(plan, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_files; i++) {
		if (resolve_file(&plan->files[i], err) < 0)
			return err_prefix(err, "%s", plan->files[i].name);
	}
	return 0;
}
