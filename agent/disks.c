/* SPDX-License-Identifier: MIT */
/* Waits for the stub domain's PV disks. */
#include "disks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "setup.h"

enum {
	/* Well within libxl's 60 s for the whole start. */
	DISK_TIMEOUT_MS = 25000,
	DISK_POLL_MS = 5,
};

/* 1: there and readable; 0: not there yet; -1: there, but not readable. */
static int disk_try(const char *path, struct err *err)
{
	char sector[512];
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return 0;
	if (fd < 0)
		return err_errno(err, ERR_STUB, errno, "%s: cannot open", path);
	if (pread(fd, sector, sizeof(sector), 0) < 0)
		return err_errno(err, ERR_STUB, errno, "%s: cannot read", path);
	return 1;
}

static int disk_wait(const char *dev, struct err *err)
{
	const int64_t end = clock_ms() + DISK_TIMEOUT_MS;
	char path[64];
	int got;

	if (strchr(dev, '/') ||
	    snprintf(path, sizeof(path), "/dev/%s", dev) >= (int)sizeof(path))
		return err_set(err, ERR_STUB, "'%s' is not the name of a disk", dev);
	while ((got = disk_try(path, err)) == 0) {
		/* Without the front end's module there will be none. */
		if (setup_modules_check(err) < 0)
			return -1;
		if (clock_ms() >= end)
			return err_set(
				err, ERR_STUB,
				"%s: not there after %d s: see its backend in dom0", path,
				DISK_TIMEOUT_MS / 1000);
		clock_wait_ms(DISK_POLL_MS);
	}
	return got < 0 ? -1 : 0;
}

int disks_wait(const struct boot_contract *boot, struct err *err)
{
	for (size_t i = 0; i < boot->n_disks; i++)
		if (disk_wait(boot->disks[i].dev, err) < 0)
			return -1;
	return 0;
}
