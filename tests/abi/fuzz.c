/* SPDX-License-Identifier: MIT */
/* Random system calls with random arguments, for nub only (run as root on a real system
 * it would do harm). PID 1 forks a child for each seed. The kernel must go on in any
 * case, and must have its memory back at the end. */
#define _GNU_SOURCE
#include "meminfo.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS 400

static uint64_t state;
static char *arena; /* 64 pages, the last not accessible */

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t value(void)
{
	static const uint64_t odd[] = {
		0,
		1,
		2,
		3,
		4,
		7,
		8,
		16,
		63,
		64,
		100,
		255,
		256,
		511,
		512,
		4095,
		4096,
		4097,
		8192,
		65535,
		65536,
		1 << 20,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		1UL << 32,
		1UL << 40,
		0x7fffffffffff,
		0x7ffffffff000,
		0x800000000000,
		0xffff888000000000,
		0xffffffff80200000,
		0xfffffffffffff000,
		-1UL,
		-2UL,
		-100UL,
		-4096UL,
	};

	switch (rnd() % 12) {
	case 0:
	case 1:
		return odd[rnd() % (sizeof(odd) / sizeof(odd[0]))];
	case 2:
	case 3:
		return rnd() % 24; /* descriptors, small flags */
	case 4:
	case 5:
		return (uint64_t)arena + rnd() % (64 * 4096);
	case 6:
		return (uint64_t)arena + (rnd() % 64) * 4096;
	case 7:
		return (uint64_t)arena + 63 * 4096 - rnd() % 64;
	case 8:
		return 1UL << (rnd() % 64);
	case 9:
		return (1UL << (rnd() % 32)) | (1UL << (rnd() % 32)) |
		       (1UL << (rnd() % 20));
	case 10:
		return rnd() % 5000;
	default:
		return rnd();
	}
}

static void fill_arena(void)
{
	static const char *const names[] = {
		"/tmp/f", "/proc/self/maps", "/tmp",	 "/dev/zero", "a",
		"..",	  "/proc/self/fd/3", "/tmp/d/e", ""};

	for (size_t i = 0; i + 8 <= 62 * 4096; i += 8) {
		uint64_t v = value();

		if (i % 256 == 0) {
			const char *n = names[rnd() % (sizeof(names) / sizeof(names[0]))];

			memset(arena + i, 0, 24);
			strcpy(arena + i, n);
			i += 16;
			continue;
		}
		memcpy(arena + i, &v, 8);
	}
}

static void open_things(void)
{
	int p[2];
	sigset_t set;

	sigfillset(&set);
	for (int fd = 0; fd < 24; fd++)
		close(fd);
	open("/dev/null", O_RDWR);
	open("/tmp/f", O_RDWR | O_CREAT, 0600);
	open("/dev/zero", O_RDWR);
	pipe2(p, O_NONBLOCK);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p);
	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, p);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p);
	socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	eventfd(1, EFD_NONBLOCK);
	epoll_create1(0);
	timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	signalfd(-1, &set, SFD_NONBLOCK);
	memfd_create("fuzz", MFD_ALLOW_SEALING);
	open("/tmp", O_RDONLY | O_DIRECTORY);
	open("/proc/self", O_RDONLY | O_DIRECTORY);
	open("/proc/self/status", O_RDONLY);
}

static int forbidden(long nr)
{
	switch (nr) {
	case SYS_reboot:
	case SYS_exit:
	case SYS_exit_group:
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
	case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo:
	case SYS_rt_sigreturn:
	case SYS_fork:
	case SYS_vfork:
	case SYS_pause:
	case SYS_alarm:
	case SYS_setitimer:
	case SYS_rt_sigsuspend:
		return 1;
	case SYS_clone:
	case SYS_clone3:
	case SYS_munmap:
	case SYS_mremap:
	case SYS_brk:
	case SYS_arch_prctl:
	case SYS_mmap:
	case SYS_mprotect:
	case SYS_madvise:
	case SYS_execve:
		return rnd() % 3 != 0; /* they tend to end the child early */
	default:
		return 0;
	}
}

static void child(uint64_t seed)
{
	struct itimerval limit = {{0, 0}, {0, 200000}};
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	state = seed * 0x9e3779b97f4a7c15UL + 1;
	for (int i = 0; i < 20; i++)
		rnd();
	sigaction(SIGALRM, &dfl, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
	open_things();
	fill_arena();
	for (int i = 0; i < CALLS; i++) {
		long nr = (long)(rnd() % 470);

		if (rnd() % 50 == 0)
			nr = (long)rnd();
		if (forbidden(nr))
			continue;
		syscall(nr, value(), value(), value(), value(), value(), value());
	}
	_exit(0);
}

static void tidy(void)
{
	unlink("/tmp/f");
	rmdir("/tmp/a");
}

int main(int argc, char **argv)
{
	const char *count = getenv("FUZZ_CHILDREN"), *first = getenv("FUZZ_SEED");
	uint64_t n = count ? strtoul(count, NULL, 0) : 500,
		 start = first ? strtoul(first, NULL, 0) : 1;
	int ended[3] = {0};
	long before;

	arena = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	mprotect(arena + 63 * 4096, 4096, PROT_NONE);
	before = meminfo("MemFree");
	for (uint64_t seed = start; seed < start + n; seed++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			child(seed);
		if (pid < 0) {
			printf("fork failed at seed %lu\n", (unsigned long)seed);
			break;
		}
		while (waitpid(pid, &status, 0) != pid)
			;
		ended[WIFEXITED(status) ? 0 : WTERMSIG(status) == SIGALRM ? 1 : 2]++;
		while (waitpid(-1, &status, WNOHANG) > 0)
			;
		tidy();
		if (seed % 100 == 0)
			printf("seed %lu\n", (unsigned long)seed);
	}
	printf("children: %d to the end, %d stopped by the clock, %d killed\n", ended[0],
	       ended[1], ended[2]);
	printf("memory lost: %ld KiB\n", before - meminfo("MemFree"));
	printf("fuzz done\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
