/* SPDX-License-Identifier: MIT */
/* Disks of the direct-boot test guest: their list, writes that are acknowledged after a
 * flush, and timed direct I/O at a queue depth. */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/aio_abi.h>
#include <linux/fs.h>

#define BLOCK 4096
#define JOURNAL_BATCH 8 /* blocks between two flushes */
#define DEPTH_MAX 64
#define DISKS_MAX 4

static void disk_describe(const char *name)
{
	unsigned long long bytes = 0;
	int logical = 0, readonly = 0;
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) || ioctl(fd, BLKSSZGET, &logical) ||
	    ioctl(fd, BLKROGET, &readonly))
		say("disk %s error %s", name, strerror(errno));
	else
		say("disk %s bytes %llu sector %d %s", name, bytes, logical,
		    readonly ? "ro" : "rw");
	if (fd >= 0)
		close(fd);
}

void disk_list(void)
{
	DIR *d = opendir("/sys/block");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.' && strncmp(e->d_name, "loop", 4) &&
		    strncmp(e->d_name, "ram", 3))
			disk_describe(e->d_name);
	}
	if (d)
		closedir(d);
	say("disks done");
}

struct journal {
	int fds[DISKS_MAX];
	unsigned n;
};

static int journal_open(struct journal *j, char *names)
{
	char *save = NULL;

	for (char *name = strtok_r(names, ",", &save); name && j->n < DISKS_MAX;
	     name = strtok_r(NULL, ",", &save)) {
		char path[64];

		snprintf(path, sizeof(path), "/dev/%s", name);
		j->fds[j->n] = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
		if (j->fds[j->n] < 0)
			return -1;
		j->n++;
	}
	return 0;
}

static int journal_block(struct journal *j, uint64_t i)
{
	static uint64_t data[BLOCK / 8] __attribute__((aligned(BLOCK)));

	for (size_t w = 0; w < BLOCK / 8; w++)
		data[w] = i + 1;
	for (unsigned d = 0; d < j->n; d++) {
		if (pwrite(j->fds[d], data, BLOCK, (off_t)(i * BLOCK)) != BLOCK)
			return -1;
	}
	return 0;
}

static int journal_flush(struct journal *j)
{
	for (unsigned d = 0; d < j->n; d++) {
		if (fsync(j->fds[d]))
			return -1;
	}
	return 0;
}

/*
 * On every disk of NAME,NAME... block i gets i + 1 all over, in 64-bit words;
 * "journal NAMES N" says that blocks below N are flushed.
 */
void disk_journal(const char *names, uint64_t first, uint64_t last)
{
	struct journal j = {.n = 0};
	char list[128];
	int rc;

	snprintf(list, sizeof(list), "%s", names);
	rc = journal_open(&j, list);
	for (uint64_t i = first; i < last && rc == 0; i++) {
		rc = journal_block(&j, i);
		if (rc || ((i + 1) % JOURNAL_BATCH && i + 1 != last))
			continue;
		rc = journal_flush(&j);
		if (rc == 0)
			say("journal %s %llu", names, (unsigned long long)i + 1);
	}
	if (rc)
		say("journal %s error %s", names, strerror(errno));
	else
		say("journal %s done", names);
	while (j.n)
		close(j.fds[--j.n]);
}

struct load {
	int fd;
	bool write, random;
	uint32_t bytes, depth;
	uint64_t requests, blocks;
	uint64_t next; /* of the sequence */
	uint64_t seed;
};

static uint64_t load_place(struct load *l)
{
	uint64_t block;

	if (l->random) {
		l->seed = l->seed * 6364136223846793005u + 1442695040888963407u;
		block = (l->seed >> 24) % l->blocks;
	} else {
		block = l->next++ % l->blocks;
	}
	return block * l->bytes;
}

static int load_submit(struct load *l, aio_context_t ctx, struct iocb *cb, void *buffer)
{
	memset(cb, 0, sizeof(*cb));
	cb->aio_fildes = (uint32_t)l->fd;
	cb->aio_lio_opcode = l->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
	cb->aio_buf = (uintptr_t)buffer;
	cb->aio_nbytes = l->bytes;
	cb->aio_offset = (int64_t)load_place(l);
	cb->aio_data = (uintptr_t)cb;
	return syscall(SYS_io_submit, ctx, 1L, &cb) == 1 ? 0 : -1;
}

/* Keeps `depth` requests under way; -1 with errno. */
static int load_run(struct load *l, aio_context_t ctx, uint8_t *buffers)
{
	static struct iocb cbs[DEPTH_MAX];
	uint64_t started = 0, ended = 0;

	for (; started < l->depth && started < l->requests; started++) {
		if (load_submit(l, ctx, &cbs[started], buffers + started * l->bytes))
			return -1;
	}
	while (ended < l->requests) {
		struct io_event done[DEPTH_MAX];
		long n = syscall(SYS_io_getevents, ctx, 1L, (long)DEPTH_MAX, done, NULL);

		if (n < 0)
			return -1;
		for (long i = 0; i < n; i++, ended++) {
			struct iocb *cb = (struct iocb *)(uintptr_t)done[i].data;

			if (done[i].res != (int64_t)l->bytes) {
				errno = done[i].res < 0 ? (int)-done[i].res : EIO;
				return -1;
			}
			if (started < l->requests) {
				if (load_submit(l, ctx, cb,
						buffers + (cb - cbs) * l->bytes))
					return -1;
				started++;
			}
		}
	}
	return l->write ? fsync(l->fd) : 0;
}

/* HOW is read, write, randread or randwrite. */
void disk_load(const char *name, const char *how, uint32_t bytes, uint32_t depth,
	       uint64_t requests)
{
	struct load l = {.bytes = bytes, .depth = depth, .requests = requests, .seed = 1};
	aio_context_t ctx = 0;
	struct timespec a, b;
	uint64_t size = 0;
	void *buffers = MAP_FAILED;
	char path[64];
	int rc = -1;

	l.random = !strncmp(how, "rand", 4);
	l.write = strstr(how, "write") != NULL;
	snprintf(path, sizeof(path), "/dev/%s", name);
	errno = EINVAL;
	l.fd = open(path, (l.write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (l.fd < 0 || !bytes || !depth || depth > DEPTH_MAX ||
	    ioctl(l.fd, BLKGETSIZE64, &size))
		goto out;
	l.blocks = size / bytes;
	buffers = mmap(NULL, (size_t)bytes * depth, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (!l.blocks || buffers == MAP_FAILED || syscall(SYS_io_setup, depth, &ctx))
		goto out;
	clock_gettime(CLOCK_MONOTONIC, &a);
	rc = load_run(&l, ctx, buffers);
	clock_gettime(CLOCK_MONOTONIC, &b);
out:
	if (rc)
		say("diskload %s error %s", name, strerror(errno));
	else
		say("diskload %s us %llu", name,
		    (unsigned long long)(b.tv_sec - a.tv_sec) * 1000000u +
			    (unsigned long long)(b.tv_nsec / 1000) -
			    (unsigned long long)(a.tv_nsec / 1000));
	if (ctx)
		syscall(SYS_io_destroy, ctx);
	if (buffers != MAP_FAILED)
		munmap(buffers, (size_t)bytes * depth);
	if (l.fd >= 0)
		close(l.fd);
}
