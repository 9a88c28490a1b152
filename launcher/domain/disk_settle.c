/* SPDX-License-Identifier: MIT */
/* Waits until a disk has taken what was on its way to it. */
#include "domain/disk_settle.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "clock.h"
#include "domain/end_signals.h"

enum {
	LOOK_MS = 2,
	/* A scheduler (BFQ) may keep requests back that sysfs does not count until then. */
	QUIET_MS = 30,
	UNCOUNTED_MS = 2000, /* for a device that does not count */
};

bool disk_is_settled(const char *root, dev_t dev)
{
	unsigned reads, writes;
	char path[128];
	cleanup_file FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/inflight", root, major(dev),
		 minor(dev));
	f = fopen(path, "re");
	return !f || fscanf(f, "%u %u", &reads, &writes) != 2 || reads + writes == 0;
}

bool disk_counts(const char *root, dev_t dev)
{
	/* A partition's queue is its disk's. */
	static const char *const queues[] = {"queue", "../queue"};

	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		char path[128];
		cleanup_file FILE *f = NULL;

		snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s/iostats", root,
			 major(dev), minor(dev), queues[i]);
		f = fopen(path, "re");
		if (f)
			return fgetc(f) != '0';
	}
	return false;
}

/* One that has requests still; NULL: none.  *wait_ms: how long that must be so. */
static const struct domain_disk *find_busy(const struct domain_disks *disks, int *wait_ms)
{
	struct stat st;

	*wait_ms = 0;
	for (size_t i = 0; i < disks->n; i++) {
		const struct domain_disk *disk = &disks->list[i];

		if (disk->fd < 0 || disk->readonly || fstat(disk->fd, &st) < 0 ||
		    !S_ISBLK(st.st_mode))
			continue;
		if (!disk_is_settled("/sys", st.st_rdev))
			return disk;
		if (!disk_counts("/sys", st.st_rdev))
			*wait_ms = UNCOUNTED_MS;
		else if (*wait_ms < QUIET_MS)
			*wait_ms = QUIET_MS;
	}
	return NULL;
}

int domain_disks_settle(const struct domain_disks *disks, int signals, int64_t until,
			struct err *err)
{
	int64_t quiet_since = clock_ms();

	for (;;) {
		int wait_ms;
		const struct domain_disk *busy = find_busy(disks, &wait_ms);
		int64_t now = clock_ms();

		if (busy && end_signals_came(signals))
			return err_set(err, ERR_HOST, "the toolstack ends the guest");
		if (busy && now >= until)
			return err_set(err, ERR_HOST,
				       "%s still has requests of the new stub domain's",
				       busy->path);
		if (busy)
			quiet_since = now;
		else if (now - quiet_since >= wait_ms)
			return 0;
		clock_wait_ms(LOOK_MS);
	}
}
