/* SPDX-License-Identifier: MIT */
/* PID 1 that starts programs whose ELF headers are damaged at random, from a fixed seed.
 * They are itself, a dynamic one, and one whose interpreter is damaged. The kernel must
 * live and get its memory back. */
#include "meminfo.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOADER "/lib64/ld-linux-x86-64.so.2"
#define HEADERS 1024
#define LIMIT_MS 100
#define WHOLE_MS 30000

static const struct {
	const char *damage, *start;
} kinds[] = {{"/init", "/tmp/x"}, {"/dynamic", "/tmp/x"}, {LOADER, "/dynamic"}};

static uint64_t state;
/* A damaged entry may lead to the end of main(): there it must find nothing that ends the machine. */
static volatile int how;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dUL >> 8;
}

/* Traps for loaders: nothing, ends of ranges, sums that wrap. */
static uint64_t value(void)
{
	static const uint64_t odd[] = {
		0,
		1,
		0xfff,
		0x1000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		1UL << 40,
		0x7ffffffff000,
		0x7fffffffffff,
		1UL << 47,
		1UL << 63,
		-0x1000UL,
		-1UL,
		0xffffffff80200000,
		0xffff888000000000,
	};
	uint64_t v = odd[rnd() % (sizeof(odd) / sizeof(odd[0]))];

	return rnd() % 3 ? v : v + rnd() % 8192 - 4096;
}

static void damage(unsigned char *head, size_t n)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)head;
	size_t first = eh->e_phoff, count = eh->e_phnum;

	for (unsigned changes = 1 + (unsigned)rnd() % 3; changes; changes--) {
		uint64_t v = value();
		/* A word of the program headers, any bytes of all, or a field. */
		size_t at = first + 8 * (rnd() % (count * sizeof(Elf64_Phdr) / 8));

		switch (rnd() % 4) {
		case 0:
			head[rnd() % n] ^= (unsigned char)(1 << rnd() % 8);
			break;
		case 1:
			memcpy(head + 16 + rnd() % 48, &v, 1 + rnd() % 8);
			break;
		default:
			if (at + 8 <= n)
				memcpy(head + at, &v, 8);
			break;
		}
	}
}

static void put(const char *path, const unsigned char *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0755);

	if (pwrite(fd, data, n, 0) != (ssize_t)n)
		printf("cannot write %s\n", path);
	close(fd);
}

/* Ends it after so many milliseconds: one that is damaged may run on. */
static int start(const char *path, int ms)
{
	const struct itimerval limit = {{0, 0}, {ms / 1000, ms % 1000 * 1000}};
	char *argv[] = {(char *)path, "child", NULL};
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		close(1);
		close(2);
		setitimer(ITIMER_REAL, &limit, NULL);
		execv(path, argv);
		_exit(100);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	/* One that lost its way may have forked: the limit is not the child's. */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return status;
}

/* Pages of files are no loss: they can be had back. */
static long memory_free(void)
{
	return meminfo("MemFree") + meminfo("Cached");
}

static void kind(unsigned k, unsigned rounds)
{
	unsigned char whole[HEADERS], head[HEADERS];
	int fd = open(kinds[k].damage, O_RDONLY), ran = 0, refused = 0, killed = 0;
	const char *path = k == 2 ? kinds[k].damage : kinds[k].start;
	struct stat st;
	char *copy;

	fstat(fd, &st);
	copy = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (read(fd, copy, (size_t)st.st_size) != st.st_size)
		printf("cannot read %s\n", kinds[k].damage);
	close(fd);
	memcpy(whole, copy, HEADERS);
	if (k != 2)
		put(path, (unsigned char *)copy, (size_t)st.st_size);
	for (unsigned i = 0; i <= rounds; i++) {
		int status;

		memcpy(head, whole, HEADERS);
		if (i)
			damage(head, HEADERS);
		put(path, head, HEADERS);
		status = start(kinds[k].start, i ? LIMIT_MS : WHOLE_MS);
		ran += WIFEXITED(status) && !WEXITSTATUS(status);
		refused += WIFEXITED(status) && WEXITSTATUS(status) == 100;
		killed += WIFSIGNALED(status);
		if (!i)
			printf("%s undamaged: status %#x\n", kinds[k].damage, status);
	}
	put(path, whole, HEADERS);
	unlink("/tmp/x");
	munmap(copy, (size_t)st.st_size);
	printf("%s: %d ran, %d refused, %d killed\n", kinds[k].damage, ran, refused,
	       killed);
}

int main(int argc, char **argv)
{
	const char *count = getenv("ELF_ROUNDS"), *seed = getenv("ELF_SEED");
	unsigned rounds = count ? (unsigned)atoi(count) : 600;
	long before;

	if (argc > 1)
		return 0; /* started by one of us */
	how = RB_POWER_OFF;
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/tmp", 0755);
	state = 0x9e3779b97f4a7c15UL * (seed ? (uint64_t)atoi(seed) : 1);
	start("/dynamic", WHOLE_MS); /* its files in memory are no loss */
	for (unsigned k = 0; k < 3; k++)
		kind(k, 1);
	before = memory_free();
	for (unsigned k = 0; k < 3; k++)
		kind(k, rounds);
	printf("memory lost: %ld KiB\n", before - memory_free());
	printf("elfs done\n");
	reboot(how);
	return 1;
}
