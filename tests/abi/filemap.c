/* SPDX-License-Identifier: MIT */
/* Mapped files: private, shared, memfd, truncation, seals. */
#include "abi.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PG 4096UL

static sigjmp_buf jump;

static void on_fault(int sig)
{
	siglongjmp(jump, sig);
}

static void touch(const char *what, volatile char *p, int write)
{
	int sig;

	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	sig = sigsetjmp(jump, 1);
	if (sig) {
		say("%s: signal %d", what, sig);
		return;
	}
	if (write)
		*p = 'w';
	say("%s: %d", what, *p);
}

static int file(const char *path, size_t n)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char c;

	for (size_t i = 0; i < n; i++) {
		c = (char)('a' + i % 26);
		if (write(fd, &c, 1) != 1)
			say("short write");
	}
	return fd;
}

static void private_map(void)
{
	int fd = file("/tmp/abi-map", 6000);
	char *p = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), c = 0;

	say("%c%c%c", p[0], p[1], p[5999]);
	say("tail %d %d", p[6000], p[8191]);
	p[0] = 'X';
	pread(fd, &c, 1, 0);
	say("file has %c, map %c", c, p[0]);
	pwrite(fd, "Z", 1, 5000);
	say("untouched page follows the file: %c", p[5000]);
	close(fd);
	say("after close %c", p[2]);
	munmap(p, 2 * PG);
}

static void shared_map(void)
{
	int fd = file("/tmp/abi-map", 6000);
	char *p = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *q = mmap(NULL, PG, PROT_READ, MAP_SHARED, fd, PG), c = 0;

	p[10] = 'S';
	pread(fd, &c, 1, 10);
	say("file has %c", c);
	p[PG + 3] = 'T';
	say("other map %c", q[3]);
	pwrite(fd, "U", 1, PG + 4);
	say("write seen %c", q[4]);
	try(msync(p, 2 * PG, MS_SYNC));
	try(ftruncate(fd, 100));
	touch("in the first page", p + 10, 0);
	touch("cut tail", p + 200, 0);
	touch("beyond the end", p + PG, 0);
	try(ftruncate(fd, 8192));
	touch("grown again", p + PG + 3, 0);
	munmap(p, 2 * PG);
	munmap(q, PG);
	close(fd);
}

static void rights(void)
{
	int fd, wr;
	char *p;

	close(file("/tmp/abi-map", 100));
	fd = open("/tmp/abi-map", O_RDONLY);
	wr = open("/tmp/abi-map", O_WRONLY);
	yes(mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	    errno == EACCES);
	yes(mmap(NULL, PG, PROT_READ, MAP_SHARED, wr, 0) == MAP_FAILED &&
	    errno == EACCES);
	p = mmap(NULL, PG, PROT_READ, MAP_SHARED, fd, 0);
	try(mprotect(p, PG, PROT_READ | PROT_WRITE));
	p = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	touch("private write to a read-only file", p, 1);
	yes(mmap(NULL, PG, PROT_READ, MAP_PRIVATE, open("/tmp", O_RDONLY), 0) ==
		    MAP_FAILED &&
	    errno == ENODEV);
	close(fd);
	close(wr);
}

static void memfd(void)
{
	int fd = memfd_create("abi", MFD_CLOEXEC | MFD_ALLOW_SEALING), no;
	struct stat st;
	char *p, link[64] = "", path[64];

	try(ftruncate(fd, 3 * PG));
	try(fstat(fd, &st));
	say("size %ld regular %d nlink %ld", (long)st.st_size, S_ISREG(st.st_mode),
	    (long)st.st_nlink);
	p = mmap(NULL, 3 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[2 * PG] = 'm';
	try(lseek(fd, 0, SEEK_END));
	try(fcntl(fd, F_GET_SEALS));
	try(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	try(ftruncate(fd, PG));
	try(ftruncate(fd, 4 * PG));
	try(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL));
	try(ftruncate(fd, 5 * PG));
	try(pwrite(fd, "x", 1, 4 * PG));
	try(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	try(fcntl(fd, F_GET_SEALS));
	no = memfd_create("noseal", 0);
	try(fcntl(no, F_GET_SEALS));
	try(fcntl(no, F_ADD_SEALS, F_SEAL_GROW));
	try(memfd_create("x", 0x8000));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", no);
	yes(readlink(path, link, sizeof(link) - 1) > 0);
	say("link %s", link);
}

static void hole(void)
{
	int fd = open("/tmp/abi-hole", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char buf[8] = "xxxxxxx";

	try(pwrite(fd, "end", 3, 1 << 20));
	try(pread(fd, buf, 8, 500000));
	say("%d %d", buf[0], buf[7]);
	try(lseek(fd, 0, SEEK_END));
	try(fallocate(fd, 0, 0, 2 << 20));
	try(lseek(fd, 0, SEEK_END));
	try(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 2));
	try(pread(fd, buf, 3, 1 << 20));
	say("%d %d %c", buf[0], buf[1], buf[2]);
	try(fallocate(fd, 0, -1, 5));
	close(fd);
	unlink("/tmp/abi-hole");
}

ABI_CASES({"private", private_map}, {"shared", shared_map}, {"rights", rights},
	  {"memfd", memfd}, {"hole", hole})
