/* SPDX-License-Identifier: MIT */
/* A CD drive of dom0's that has no disc becomes an empty drive of the guest's. */
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check/resolve.h"
#include "cleanup.h"
#include "qemu_opt.h"

bool resolve_is_empty_drive(int fd)
{
	int status = ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT);

	return status == CDS_NO_DISC || status == CDS_TRAY_OPEN ||
	       status == CDS_DRIVE_NOT_READY;
}

/* As a toolstack writes a drive without a medium. */
static int empty_drive(struct plan *plan, const struct plan_disk *disk, struct err *err)
{
	char **value = &plan->qemu[disk->drive];
	struct qemu_opts opts;

	if (qemu_opts_parse(*value, NULL, false, &opts, err) < 0)
		return -1;
	qemu_opts_remove(&opts, "file");
	qemu_opts_remove(&opts, "format");
	free(*value);
	*value = qemu_opts_format(&opts);
	qemu_opts_free(&opts);
	return 0;
}

static void remove_disk(struct plan *plan, size_t i)
{
	plan_disk_free(&plan->disks[i]);
	plan->n_disks--;
	memmove(&plan->disks[i], &plan->disks[i + 1],
		(plan->n_disks - i) * sizeof(plan->disks[0]));
}

int resolve_empty_drives(struct plan *plan, struct err *err)
{
	for (size_t i = plan->n_disks; i-- > 0;) {
		const struct plan_disk *disk = &plan->disks[i];
		cleanup_fd int fd = -1;

		if (!disk->readonly)
			continue;
		fd = open(disk->target, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (fd < 0 || !resolve_is_empty_drive(fd))
			continue;
		if (!disk->drive)
			return err_set(err, ERR_HOST,
				       "disk of %s: %s has no disc; put one in, or leave "
				       "the drive empty",
				       disk->use, disk->target);
		plan_note(plan,
			  "%s has no disc, so the guest's drive is empty; once there is "
			  "one: 'xl cd-insert %s VDEV %s'",
			  disk->target, plan->guest_name, disk->target);
		if (empty_drive(plan, disk, err) < 0)
			return -1;
		remove_disk(plan, i);
	}
	return 0;
}
