/* SPDX-License-Identifier: MIT */
/* Waits until a disk has taken what was on its way to it. */
#include "domain/disk_settle.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "clock.h"

enum { LOOK_MS = 2 };

bool disk_is_settled(const char *root, dev_t dev)
{
	unsigned reads, writes;
	char path[128];
	cleanup_file FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/inflight", root, major(dev),
		 minor(dev));
	f = fopen(path, "re");
	/* Every kind of device counts them. */
	return !f || fscanf(f, "%u %u", &reads, &writes) != 2 || reads + writes == 0;
}

static int settle_one(const struct domain_disk *disk, int64_t until, struct err *err)
{
	struct stat st;

	if (fstat(disk->fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return 0;
	while (!disk_is_settled("/sys", st.st_rdev)) {
		if (clock_ms() >= until)
			return err_set(err, ERR_HOST,
				       "%s still has requests of the new stub domain's",
				       disk->path);
		clock_wait_ms(LOOK_MS);
	}
	return 0;
}

int domain_disks_settle(const struct domain_disks *disks, int64_t until, struct err *err)
{
	for (size_t i = 0; i < disks->n; i++) {
		const struct domain_disk *disk = &disks->list[i];

		if (disk->fd >= 0 && !disk->readonly && settle_one(disk, until, err) < 0)
			return -1;
	}
	return 0;
}
