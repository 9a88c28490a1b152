/* SPDX-License-Identifier: MIT */
/* Loop devices for the stub domain's disks that are files; none can be left behind. */
#include "domain/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "domain/disk_lock.h"

enum {
	TRIES = 64,	      /* another process may take the free device first */
	LOCK_WAIT_MS = 20000, /* a stub domain of before is on its way out */
	LOCK_STEP_MS = 100,
};

int domain_loop_attach(int file, const char *name, bool readonly, struct domain_disk *out,
		       struct err *err)
{
	cleanup_fd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = (unsigned)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0),
	};

	if (control < 0)
		return err_errno(err, ERR_HOST, errno,
				 "/dev/loop-control (load the module 'loop')");
	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", name);
	for (int i = 0; i < TRIES; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0)
			return err_errno(err, ERR_HOST, errno,
					 "looking for a free loop device");
		snprintf(out->path, sizeof(out->path), "/dev/loop%d", n);
		out->fd = open(out->path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (out->fd < 0)
			return err_errno(err, ERR_HOST, errno, "%s", out->path);
		if (ioctl(out->fd, LOOP_CONFIGURE, &config) == 0)
			return 0;
		if (errno != EBUSY)
			return err_errno(err, ERR_HOST, errno, "%s on %s", name,
					 out->path);
		close(out->fd);
		out->fd = -1;
	}
	return err_set(err, ERR_HOST, "no loop device stays free for %s", name);
}

/*
 * The same disk may not be written to by two: not by another guest's stub domain, nor by
 * a QEMU of dom0.  In a migration on one host both sides have it for a while, and the
 * toolstack sees to it that only one runs.
 */
static int lock(const struct plan *plan, const struct plan_disk *disk, int file,
		struct err *err)
{
	bool incoming = false;
	int rc;

	for (size_t i = 0; i < plan->n_channels; i++)
		incoming |= plan->channels[i].kind == STUBDOM_CHANNEL_RESTORE;
	for (int waited = 0; (rc = disk_lock(file, disk->readonly, err)) > 0;
	     waited += LOCK_STEP_MS) {
		if (incoming)
			return 0;
		if (waited >= LOCK_WAIT_MS)
			return err_set(err, ERR_HOST,
				       "%s (%s): another guest or program has it open "
				       "%s; end that, or make both read-only",
				       disk->target, disk->use,
				       disk->readonly ? "for writing" : "");
		poll(NULL, 0, LOCK_STEP_MS);
	}
	return rc < 0 ? err_prefix(err, "%s (%s)", disk->target, disk->use) : 0;
}

/* A container gets its full length: a disk of the stub domain does not grow. */
static int grow(const struct plan_disk *disk, int file, const struct stat *st,
		struct err *err)
{
	if (disk->grow_to <= (unsigned long long)st->st_size)
		return 0;
	if (ftruncate(file, (off_t)disk->grow_to) < 0)
		return err_errno(err, ERR_HOST, errno,
				 "%s (%s): making it %llu bytes long, sparse",
				 disk->target, disk->use, disk->grow_to);
	return 0;
}

static int open_one(const struct plan *plan, const struct plan_disk *disk,
		    struct domain_disk *out, struct err *err)
{
	cleanup_fd int file = open(disk->target, (disk->readonly ? O_RDONLY : O_RDWR) |
							 O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s (%s)", disk->target,
				 disk->use);
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(err, ERR_HOST,
			       "%s (%s): neither a file nor a block device", disk->target,
			       disk->use);
	if (lock(plan, disk, file, err) < 0)
		return -1;
	if (S_ISBLK(st.st_mode)) {
		out->fd = file; /* holds the lock */
		file = -1;
		return 0;
	}
	if (grow(disk, file, &st, err) < 0)
		return -1;
	return domain_loop_attach(file, disk->target, disk->readonly, out, err);
}

struct domain_disk *domain_disks_open(const struct plan *plan, struct err *err)
{
	struct domain_disk *disks = calloc(plan->n_disks + 1, sizeof(*disks));

	if (!disks) {
		err_set(err, ERR_HOST, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < plan->n_disks; i++)
		disks[i].fd = -1;
	for (size_t i = 0; i < plan->n_disks; i++) {
		if (open_one(plan, &plan->disks[i], &disks[i], err) == 0)
			continue;
		domain_disks_close(disks, plan->n_disks);
		free(disks);
		return NULL;
	}
	return disks;
}

void domain_disks_close(struct domain_disk *disks, size_t n)
{
	for (size_t i = 0; disks && i < n; i++) {
		if (disks[i].fd >= 0)
			close(disks[i].fd);
		disks[i].fd = -1;
	}
}
