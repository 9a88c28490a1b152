/* SPDX-License-Identifier: MIT */
/* PID 1 over files that are packed in the ramdisk.  /packed must be as /plain, however it
 * is read, mapped and changed.  /big is dropped and comes back when memory is short. */
#include "meminfo.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PG 4096UL

static sigjmp_buf jump;
static char *plain;
static size_t size;

static void on_fault(int sig)
{
	siglongjmp(jump, sig);
}

static void result(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "yes" : "NO");
}

static char *map(const char *path, int prot, int flags)
{
	int fd = open(path, prot & PROT_WRITE && flags & MAP_SHARED ? O_RDWR : O_RDONLY);
	struct stat st;
	char *p;

	fstat(fd, &st);
	p = mmap(NULL, (size_t)st.st_size, prot, flags, fd, 0);
	close(fd);
	return p;
}

/* Pieces that end before, on and behind the page's end. */
static void reads(void)
{
	static const size_t pieces[] = {1 << 20, 4096, 4095, 1000, 7};
	char *got = malloc(size + 1);
	int same = 1, fd = open("/packed", O_RDONLY);
	struct stat st;

	fstat(fd, &st);
	result("size", (size_t)st.st_size == size && st.st_mtime == 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t done = 0;
		ssize_t n;

		lseek(fd, 0, SEEK_SET);
		while (done <= size && (n = read(fd, got + done, pieces[i])) > 0)
			done += (size_t)n;
		same &= done == size && !memcmp(got, plain, size);
	}
	result("read in pieces", same);
	same = pread(fd, got, 100, (off_t)size - 50) == 50 &&
	       !memcmp(got, plain + size - 50, 50);
	for (size_t at = size - 1; at > 5000; at -= 4999)
		same &= pread(fd, got, 1, (off_t)at) == 1 && *got == plain[at];
	result("read backwards", same);
	close(fd);
	free(got);
}

static void maps(void)
{
	char *p = map("/packed", PROT_READ, MAP_PRIVATE), *q, *r;
	size_t end = (size + PG - 1) / PG * PG;
	int zero = 1;

	result("mapped", !memcmp(p, plain, size));
	for (size_t i = size; i < end; i++)
		zero &= !p[i];
	result("zeros behind the end", zero);
	q = map("/packed", PROT_READ | PROT_WRITE, MAP_PRIVATE);
	q[3 * PG] ^= 1; /* never read before */
	result("private page at its first write",
	       !memcmp(q + 3 * PG + 1, plain + 3 * PG + 1, PG - 1) &&
		       q[3 * PG] == (plain[3 * PG] ^ 1) && p[3 * PG] == plain[3 * PG]);
	r = map("/packed", PROT_READ | PROT_WRITE, MAP_SHARED);
	r[5 * PG + 9] = '!';
	result("shared write is everybody's",
	       p[5 * PG + 9] == '!' && q[5 * PG + 9] == '!');
	result("but not the private copy's", q[3 * PG] == (plain[3 * PG] ^ 1));
	plain[5 * PG + 9] = '!';
	result("and the rest is as it was", !memcmp(p, plain, size));
	munmap(p, size);
	munmap(q, size);
	munmap(r, size);
}

static void changes(void)
{
	char *q = map("/packed", PROT_READ | PROT_WRITE, MAP_PRIVATE), *p, c;
	int fd = open("/packed", O_RDWR);

	q[8 * PG] = 'q';
	result("written", pwrite(fd, "written", 7, 7 * PG - 3) == 7);
	memcpy(plain + 7 * PG - 3, "written", 7);
	result("private copy outlives it", q[8 * PG] == 'q');
	q[8 * PG] = plain[8 * PG];
	result("and sees it elsewhere", !memcmp(q, plain, size));
	ftruncate(fd, (off_t)(size - PG - 100));
	ftruncate(fd, (off_t)size);
	memset(plain + size - PG - 100, 0, PG + 100);
	p = map("/packed", PROT_READ, MAP_SHARED);
	result("cut and grown", !memcmp(p, plain, size));
	result("end reads as zero", pread(fd, &c, 1, (off_t)size - 1) == 1 && !c);
	munmap(p, size);
	munmap(q, size);
	close(fd);
}

static void damaged(void)
{
	char *p = map("/damaged", PROT_READ, MAP_PRIVATE), buf[64];
	int fd = open("/damaged", O_RDONLY), sig;

	result("the first page is whole", pread(fd, buf, 64, 0) == 64 && p[1] == buf[1]);
	printf("a damaged page: read %s\n",
	       pread(fd, buf, 64, PG) < 0 ? strerrorname_np(errno) : "works");
	signal(SIGBUS, on_fault);
	sig = sigsetjmp(jump, 1);
	if (!sig)
		printf("%d\n", ((volatile char *)p)[PG]);
	printf("a damaged page: signal %d\n", sig);
	close(fd);
}

/* Page i of /big holds the number i, 1024 times. */
static int big_is_whole(const unsigned *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		if (p[i * 1024] != i || p[i * 1024 + 1023] != i)
			return 0;
	return 1;
}

static void shortage(void)
{
	unsigned *big = (unsigned *)map("/big", PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct stat st;
	struct sysinfo si;
	size_t pages, n;
	char *take;

	stat("/big", &st);
	pages = (size_t)st.st_size / PG;
	big[5 * 1024] = 5;
	result("big is whole", big_is_whole(big, pages));
	big[7 * 1024 + 1] = 77777;
	result("nothing was dropped", meminfo("NubDropped") == 0);
	sysinfo(&si);
	n = si.freeram + st.st_size / 2;
	take = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < n; i += PG)
		take[i] = (char)(i / PG);
	result("pages were dropped", meminfo("NubDropped") > 0);
	for (size_t i = 0; i < n; i += PG)
		if (take[i] != (char)(i / PG))
			result("what was taken is whole", 0);
	munmap(take, n);
	result("a private page is not dropped", big[7 * 1024 + 1] == 77777);
	result("big is still whole", big_is_whole(big, pages));
}

int main(void)
{
	struct stat st;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0755);
	stat("/plain", &st);
	size = (size_t)st.st_size;
	plain = map("/plain", PROT_READ | PROT_WRITE, MAP_PRIVATE);
	reads();
	maps();
	changes();
	damaged();
	shortage();
	printf("packed done\n");
	reboot(RB_POWER_OFF);
}
