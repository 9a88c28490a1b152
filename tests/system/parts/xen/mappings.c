/* SPDX-License-Identifier: MIT */
/* Mappings of /dev/xen stay whole and in one process, whatever is done to them. */
#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/sys/gntalloc.h>

#define PAGES 4

/* Children that have every mapping and end. */
static bool fork_some(void)
{
	bool ok = true;

	for (int i = 0; i < 8; i++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		ok &= pid > 0 && waitpid(pid, &status, 0) == pid && !status;
	}
	return ok;
}

/* For any answer of these, the mapping must not come to be there twice or in part. */
static void tug(char *p, size_t len)
{
	static const int advices[] = {MADV_DOFORK,	 MADV_DONTFORK, MADV_DOFORK,
				      MADV_FREE,	 MADV_COLD,	MADV_PAGEOUT,
				      MADV_POPULATE_READ};
	char *to;

	for (unsigned i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
		madvise(p, len, advices[i]);
		madvise(p, 4096, advices[i]);
	}
	NAMED("not split by mprotect", mprotect(p + 4096, 4096, PROT_READ) == -1);
	NAMED("nor by munmap", munmap(p + 4096, 4096) == -1);
	NAMED("nor by another mapping",
	      mmap(p + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == MAP_FAILED);
	to = mmap(NULL, 2 * len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NAMED("not moved",
	      mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED);
	NAMED("not doubled", mremap(p, 0, len, MREMAP_MAYMOVE) == MAP_FAILED);
	NAMED("not grown", mremap(p, len, 2 * len, MREMAP_MAYMOVE) == MAP_FAILED);
	NAMED("not shrunk", mremap(p, len, 4096, MREMAP_MAYMOVE) == MAP_FAILED);
	munmap(to, 2 * len);
}

static void test_shared_pages(void)
{
	union {
		struct ioctl_gntalloc_alloc_gref a;
		uint32_t room[4 + PAGES];
	} g = {.a = {.domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = PAGES}};
	struct ioctl_gntalloc_dealloc_gref d = {.count = PAGES};
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	const size_t len = PAGES * 4096;
	char *p;

	CHECK(!ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &g));
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)g.a.index);
	CHECK(p != MAP_FAILED);
	if (p == MAP_FAILED)
		return;
	strcpy(p + 4096, "still here");
	tug(p, len);
	CHECK(fork_some());
	d.index = g.a.index;
	CHECK(!ioctl(fd, IOCTL_GNTALLOC_DEALLOC_GREF, &d));
	CHECK(fork_some());
	NAMED("what was in it is", !strcmp(p + 4096, "still here"));
	CHECK(!munmap(p, len));
	CHECK(fork_some());
	close(fd);
}

static void test_foreign(void)
{
	int fd = open("/dev/xen/privcmd", O_RDWR);
	const size_t len = PAGES * 4096;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(p != MAP_FAILED);
	if (p == MAP_FAILED)
		return;
	tug(p, len);
	CHECK(fork_some());
	CHECK(!munmap(p, len));
	NAMED("no private mapping of another domain's memory",
	      mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	close(fd);
}

void test_mappings(void)
{
	test_shared_pages();
	test_foreign();
}
