/* SPDX-License-Identifier: MIT */
/* The stub domain's disks: files and block devices of dom0, open and locked. */
#include "domain/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/boot.h"
#include "check/mark.h"
#include "cleanup.h"
#include "domain/disk_lock.h"
#include "domain/loop.h"
#include "log.h"
#include "xalloc.h"

enum {
	LOCK_WAIT_MS = 20000, /* a stub domain of before is on its way out */
	LOCK_STEP_MS = 100,
	BLOCK = 4096, /* lengths are rounded to it */
};

/*
 * Two may not write to the same disk: not another guest's stub domain, nor a QEMU of
 * dom0.  In a migration on one host both sides have it for a while; the toolstack lets
 * only one run.
 */
static int lock(const struct plan_disk *disk, int file, int wait_ms, struct err *err)
{
	int rc;

	for (int waited = 0; (rc = disk_lock(file, disk->readonly, err)) > 0;
	     waited += LOCK_STEP_MS) {
		if (wait_ms < 0)
			return 0;
		if (waited >= wait_ms)
			return err_set(err, ERR_HOST,
				       "%s (%s): another guest or program has it open "
				       "%s; end that, or make both read-only",
				       disk->target, disk->use,
				       disk->readonly ? "for writing" : "");
		poll(NULL, 0, LOCK_STEP_MS);
	}
	return rc < 0 ? err_prefix(err, "%s (%s)", disk->target, disk->use) : 0;
}

/* The greatest length from `from` on that the file system takes; the file has it. */
static unsigned long long longest(int file, unsigned long long from,
				  unsigned long long to)
{
	while (to - from > BLOCK) {
		unsigned long long middle = (from + (to - from) / 2) / BLOCK * BLOCK;

		if (middle <= from)
			break;
		if (ftruncate(file, (off_t)middle) == 0)
			from = middle;
		else
			to = middle;
	}
	return from;
}

/*
 * A container gets its full length: a disk of the stub domain does not grow by itself.
 * Where the file system is too small, QEMU in dom0 could not have written either.
 */
static int grow(const struct plan_disk *disk, int file, const struct stat *st,
		struct err *err)
{
	unsigned long long now = (unsigned long long)st->st_size;

	if (disk->grow_to <= now || ftruncate(file, (off_t)disk->grow_to) == 0)
		return 0;
	if (errno != EFBIG)
		return err_errno(err, ERR_HOST, errno,
				 "%s (%s): making it %llu bytes long, sparse",
				 disk->target, disk->use, disk->grow_to);
	now = longest(file, now, disk->grow_to);
	log_warn("%s (%s): it may need %llu bytes one day, and its file system holds no "
		 "file of more than %llu; writes behind that will fail",
		 disk->target, disk->use, disk->grow_to, now);
	return 0;
}

/* Notes the guest, and the length that the header asked for before the guest had it. */
static void remember(const struct plan *plan, const struct plan_disk *disk, int file)
{
	if (disk_mark_write(file, plan->guest_name, disk->grow_to) == 0)
		return;
	if (disk->grow_to && !plan->container_max_mb)
		log_warn("%s: the length that its header asks for cannot be noted (%s), "
			 "so it is not bounded; give -stubdom container-max=MIB",
			 disk->target, strerror(errno));
}

int domain_disk_open(const struct plan *plan, const struct plan_disk *disk, int wait_ms,
		     struct domain_disk *out, struct err *err)
{
	cleanup_fd int file = open(disk->target, (disk->readonly ? O_RDONLY : O_RDWR) |
							 O_CLOEXEC | O_NONBLOCK);
	char path[LOOP_PATH_SIZE] = "";
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s (%s)", disk->target,
				 disk->use);
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(err, ERR_HOST,
			       "%s (%s): neither a file nor a block device", disk->target,
			       disk->use);
	if (lock(disk, file, wait_ms, err) < 0)
		return -1;
	snprintf(out->dev, sizeof(out->dev), "%s", disk->dev);
	out->readonly = disk->readonly;
	out->may_go = disk->readonly && !disk->pv_only;
	out->target = xstrdup(disk->target);
	out->format = xstrdup_null(disk->format);
	if (S_ISBLK(st.st_mode)) {
		out->path = xstrdup(disk->target);
		out->fd = file; /* holds the lock */
		file = -1;
		return 0;
	}
	if (!disk->readonly)
		remember(plan, disk, file);
	if (grow(disk, file, &st, err) < 0 || fstat(file, &st) < 0)
		return -1;
	out->bytes = (unsigned long long)st.st_size;
	out->fd = loop_attach(file, disk->target, disk->readonly, path, err);
	out->path = xstrdup(path);
	return out->fd < 0 ? -1 : 0;
}

int domain_disk_open_root(const char *path, int file, struct domain_disk *out,
			  struct err *err)
{
	char loop[LOOP_PATH_SIZE] = "";

	snprintf(out->dev, sizeof(out->dev), "%s", STUBDOM_ROOT_DISK);
	out->readonly = true;
	out->target = xstrdup(path);
	out->fd = loop_attach(file, path, true, loop, err);
	out->path = xstrdup(loop);
	return out->fd < 0 ? err_prefix(err, "the image's root") : 0;
}

int domain_disks_open(struct domain_disks *disks, const struct plan *plan,
		      const char *root, int root_file, struct err *err)
{
	int wait_ms = LOCK_WAIT_MS;

	for (size_t i = 0; i < plan->n_channels; i++) {
		if (plan->channels[i].kind == STUBDOM_CHANNEL_RESTORE)
			wait_ms = -1;
	}
	disks->n = plan->n_disks + (root ? 1 : 0) + DISKS_ADDED_MAX;
	disks->list = xalloc_check(calloc(disks->n, sizeof(*disks->list)));
	for (size_t i = 0; i < disks->n; i++)
		disks->list[i].fd = -1;
	for (size_t i = 0; i < plan->n_disks; i++) {
		if (domain_disk_open(plan, &plan->disks[i], wait_ms, &disks->list[i],
				     err) < 0)
			return -1;
	}
	return root ? domain_disk_open_root(root, root_file, &disks->list[plan->n_disks],
					    err)
		    : 0;
}

struct domain_disk *domain_disks_find(const struct domain_disks *disks, const char *dev)
{
	for (size_t i = 0; i < disks->n; i++) {
		if (strcmp(disks->list[i].dev, dev) == 0)
			return &disks->list[i];
	}
	return NULL;
}

int domain_disk_describe(const struct domain_disk *disk, libxl_device_disk *out)
{
	libxl_device_disk_init(out);
	/*
	 * Blkback serves a container as raw bytes, a file through a loop device; any
	 * other backend is a QEMU in dom0.
	 */
	out->backend = LIBXL_DISK_BACKEND_PHY;
	out->format = LIBXL_DISK_FORMAT_RAW;
	out->pdev_path = strdup(disk->path);
	out->script = strdup(STUBDOM_LIBEXECDIR "/stubdom-block");
	out->vdev = strdup(disk->dev);
	out->readwrite = !disk->readonly;
	return out->pdev_path && out->script && out->vdev ? 0 : -1;
}

void domain_disk_close(struct domain_disk *disk)
{
	if (disk->fd >= 0)
		close(disk->fd);
	free(disk->path);
	free(disk->target);
	free(disk->format);
	*disk = (struct domain_disk){.fd = -1};
}

void domain_disks_close(struct domain_disks *disks)
{
	for (size_t i = 0; i < disks->n; i++)
		domain_disk_close(&disks->list[i]);
	free(disks->list);
	*disks = (struct domain_disks){0};
}
