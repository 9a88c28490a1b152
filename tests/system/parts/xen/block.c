/* SPDX-License-Identifier: MIT */
/* A scratch disk, /dev/xvdb: sizes, alignments, many threads, flush, discard. */
#include "check.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DISK "/dev/xvdb"
#define MB (1 << 20)

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)((i * 31 + seed) >> (i & 3));
}

static void round_trip(int fd, off_t at, size_t n)
{
	unsigned char *a = aligned_alloc(4096, MB * 2), *b = aligned_alloc(4096, MB * 2);
	char name[64];

	snprintf(name, sizeof(name), "%zu bytes at %lld", n, (long long)at);
	fill(a, n, (unsigned)at);
	memset(b, 0, n);
	NAMED(name, pwrite(fd, a, n, at) == (ssize_t)n &&
			    pread(fd, b, n, at) == (ssize_t)n && !memcmp(a, b, n));
	free(a);
	free(b);
}

/* The bytes around an odd write stay. */
static void test_neighbours(int fd)
{
	unsigned char buf[2048], want[2048];

	memset(want, 0x55, sizeof(want));
	CHECK(pwrite(fd, want, sizeof(want), 4096) == sizeof(want));
	memset(want + 700, 0xaa, 900);
	CHECK(pwrite(fd, want + 700, 900, 4096 + 700) == 900);
	CHECK(pread(fd, buf, sizeof(buf), 4096) == sizeof(buf));
	CHECK(!memcmp(buf, want, sizeof(buf)));
}

static void *worker(void *arg)
{
	long k = (long)arg, bad = 0;
	unsigned char *a = aligned_alloc(4096, 65536), *b = aligned_alloc(4096, 65536);
	int fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);

	for (int i = 0; i < 20; i++) {
		off_t at = (k * 20 + i) * 65536;

		fill(a, 65536, (unsigned)at);
		if (pwrite(fd, a, 65536, at) != 65536)
			bad++;
	}
	for (int i = 0; i < 20; i++) {
		off_t at = (k * 20 + i) * 65536;

		fill(a, 65536, (unsigned)at);
		if (pread(fd, b, 65536, at) != 65536 || memcmp(a, b, 65536))
			bad++;
	}
	close(fd);
	free(a);
	free(b);
	return (void *)bad;
}

static void test_threads(void)
{
	pthread_t t[8];
	long bad = 0;

	for (long i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	for (int i = 0; i < 8; i++) {
		void *r = (void *)1;

		pthread_join(t[i], &r);
		bad += (long)r;
	}
	NAMED("eight threads write and read", bad == 0);
}

void test_block(void)
{
	uint64_t size = 0, range[2] = {MB, MB};
	unsigned char *big = calloc(1, 4 * MB);
	unsigned sector = 0;
	struct stat st;
	struct iovec v[3];
	void *volatile nowhere;
	int fd = -1;

	for (int i = 0; i < 200 && fd < 0; i++) {
		fd = open(DISK, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			usleep(50000);
	}
	NAMED("a disk", fd >= 0);
	if (fd < 0)
		return;
	CHECK(!fstat(fd, &st) && S_ISBLK(st.st_mode));
	CHECK(!ioctl(fd, BLKGETSIZE64, &size) && size == 16 * MB);
	CHECK(!ioctl(fd, BLKSSZGET, &sector) && sector == 512);
	CHECK(lseek(fd, 0, SEEK_END) == 16 * MB);
	CHECK(ioctl(fd, 0x5326, 0) == -1); /* CDROM_DRIVE_STATUS */
	round_trip(fd, 0, 512);
	round_trip(fd, 512, 4096);
	round_trip(fd, 4096, 65536);
	round_trip(fd, 65536, MB);
	round_trip(fd, MB, MB + 512);
	round_trip(fd, 3 * 512, 12345);
	round_trip(fd, 7, 3);
	round_trip(fd, 513, 4095);
	test_neighbours(fd);
	CHECK(!fdatasync(fd));
	CHECK(!fsync(fd));
	CHECK(pread(fd, big, 4096, 16 * MB) == 0);
	CHECK(pread(fd, big, 4096, 16 * MB - 512) == 512);
	CHECK(pwrite(fd, big, 512, 16 * MB) == -1 && errno == ENOSPC);
	CHECK(pwrite(fd, big, 4 * MB, 4 * MB) == 4 * MB);
	fill(big, 3000, 1);
	v[0] = (struct iovec){big, 100};
	v[1] = (struct iovec){big + 100, 1500};
	v[2] = (struct iovec){big + 1600, 1472};
	CHECK(pwritev(fd, v, 3, 2 * MB) == 3072);
	memset(big + 4096, 0, 4096);
	CHECK(pread(fd, big + 4096, 3072, 2 * MB) == 3072);
	CHECK(!memcmp(big, big + 4096, 3072));
	nowhere = (void *)16;
	CHECK(pread(fd, nowhere, 512, 0) == -1 && errno == EFAULT);
	NAMED("discard, or that it cannot",
	      !ioctl(fd, BLKDISCARD, range) || errno == EOPNOTSUPP);
	test_threads();
	close(fd);
	free(big);
}
