/* SPDX-License-Identifier: MIT */
/* Disks of the direct-boot test guest: checksums and single sectors. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#define SECTOR 512
#define CHUNK 65536
#define WAIT_MS 60000
#define WAIT_STEP_MS 20

/* Drivers probe in the background, and devtmpfs tells nobody: look until it is there. The
 * name comes a moment before the disk (ENXIO). */
int disk_open(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", name);
	for (int waited = 0;; waited += WAIT_STEP_MS) {
		int fd = open(path, flags | O_CLOEXEC);

		if (fd >= 0 || (errno != ENOENT && errno != ENXIO) || waited >= WAIT_MS)
			return fd;
		poll(NULL, 0, WAIT_STEP_MS);
	}
}

/* 0 and the sum of the first `bytes` (0: all of it) in hex; -1 with errno. */
static int disk_digest(const char *name, uint64_t *bytes, char hex[65])
{
	static uint8_t buffer[CHUNK];
	struct sha256 sum;
	uint64_t done = 0;
	int fd = disk_open(name, O_RDONLY);

	if (fd < 0)
		return -1;
	if (!*bytes && ioctl(fd, BLKGETSIZE64, bytes)) {
		close(fd);
		return -1;
	}
	sha256_init(&sum);
	while (done < *bytes) {
		size_t want = *bytes - done < CHUNK ? *bytes - done : CHUNK;
		ssize_t n = read(fd, buffer, want);

		if (n <= 0) {
			int saved = n ? errno : EIO;

			close(fd);
			errno = saved;
			return -1;
		}
		sha256_update(&sum, buffer, n);
		done += n;
	}
	close(fd);
	sha256_final_hex(&sum, hex);
	return 0;
}

void disk_check_spec(char *spec)
{
	char hex[65], *want = strchr(spec, ':');
	uint64_t bytes = 0;

	if (want)
		*want++ = '\0';
	if (disk_digest(spec, &bytes, hex))
		say("disk %s error %s", spec, strerror(errno));
	else if (!want)
		say("disk %s sha256 %s", spec, hex);
	else if (strcmp(want, hex))
		say("disk %s sha256 bad %s", spec, hex);
	else
		say("disk %s sha256 ok", spec);
}

void disk_sum(const char *name, uint64_t bytes)
{
	char hex[65];

	if (disk_digest(name, &bytes, hex))
		say("sum %s error %s", name, strerror(errno));
	else
		say("sum %s %llu %s", name, (unsigned long long)bytes, hex);
}

static int disk_sector(const char *name, uint64_t sector, int flags, void *data)
{
	int fd = disk_open(name, flags);
	off_t at = (off_t)sector * SECTOR;
	ssize_t n;

	if (fd < 0)
		return -1;
	if (flags == O_RDONLY)
		n = pread(fd, data, SECTOR, at);
	else
		n = pwrite(fd, data, SECTOR, at);
	if (n == SECTOR && flags != O_RDONLY && fsync(fd))
		n = -1;
	if (n >= 0 && n != SECTOR)
		errno = EIO;
	close(fd);
	return n == SECTOR ? 0 : -1;
}

void disk_read_sector(const char *name, uint64_t sector)
{
	uint8_t data[SECTOR];
	struct sha256 sum;
	char hex[65];

	if (disk_sector(name, sector, O_RDONLY, data)) {
		say("read %s %llu error %s", name, (unsigned long long)sector,
		    strerror(errno));
		return;
	}
	sha256_init(&sum);
	sha256_update(&sum, data, sizeof(data));
	sha256_final_hex(&sum, hex);
	say("read %s %llu %s", name, (unsigned long long)sector, hex);
}

void disk_write_sector(const char *name, uint64_t sector, int value)
{
	uint8_t data[SECTOR];

	memset(data, value, sizeof(data));
	if (disk_sector(name, sector, O_WRONLY, data))
		say("write %s %llu error %s", name, (unsigned long long)sector,
		    strerror(errno));
	else
		say("write %s %llu ok", name, (unsigned long long)sector);
}
