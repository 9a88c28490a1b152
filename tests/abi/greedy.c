/* SPDX-License-Identifier: MIT */
/* PID 1 that asks for memory it must not have, and whose child takes memory without end;
 * afterwards there must be enough again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not to be optimised away. */
static void take(size_t n)
{
	explicit_bzero(malloc(n), n);
}

/* Not the last to ask for memory ends, but the one that has most. */
static void take_from_another(void)
{
	struct sysinfo si;
	int status, ready[2];
	char c;

	pipe(ready);
	if (!fork()) {
		do {
			take(1 << 20);
			sysinfo(&si);
		} while (si.freeram > 16 << 20);
		write(ready[1], "r", 1);
		for (;;)
			pause();
	}
	read(ready[0], &c, 1);
	take(64 << 20);
	wait(&status);
	printf("the one that had most: signal %d\n", WTERMSIG(status));
}

/* Fills memory that only the kernel sees, one way each, and keeps it. */
static void hold(int way)
{
	static char piece[65536];
	struct sysinfo si;
	int fd = memfd_create("held", 0), s[2], p[2];

	do {
		if (way == 0) {
			write(fd, piece, sizeof(piece));
		} else if (way == 1) {
			socketpair(AF_UNIX, SOCK_STREAM, 0, s);
			fcntl(s[0], F_SETFL, O_NONBLOCK);
			while (write(s[0], piece, sizeof(piece)) > 0)
				;
		} else {
			pipe2(p, O_NONBLOCK);
			fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
			while (write(p[1], piece, sizeof(piece)) > 0)
				;
		}
		sysinfo(&si);
	} while (si.freeram > 48 << 20);
}

/* oom_score_adj of 1000 is taken first, before any size of the others. */
static void offer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	write(fd, "1000", 4);
	close(fd);
}

/* The other one holds most, though little of it is mapped; or it offers itself. */
static void take_from_holder(int way)
{
	int status, ready[2], holder, pid;
	char c;

	pipe(ready);
	holder = fork();
	if (!holder) {
		if (way < 3)
			hold(way);
		else
			offer();
		write(ready[1], "r", 1);
		for (;;)
			pause();
	}
	read(ready[0], &c, 1);
	pid = fork();
	if (!pid) {
		struct sysinfo si;

		/* More than there is free, less than the other holds. */
		sysinfo(&si);
		take(way < 3 ? 64 << 20 : si.freeram + (1 << 20));
		_exit(0);
	}
	waitpid(holder, &status, 0);
	printf("holder %d: signal %d\n", way, WTERMSIG(status));
	waitpid(pid, &status, 0);
	printf("other: status %x\n", way < 3 ? status : 0);
	fflush(stdout);
}

int main(void)
{
	int status;
	void *p = mmap(NULL, 1UL << 45, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("mmap beyond all bounds: %s\n",
	       p == MAP_FAILED ? strerrorname_np(errno) : "granted");
	p = (void *)getauxval(AT_SYSINFO_EHDR);
	printf("vDSO made writable: %s\n", mprotect(p, 4096, PROT_READ | PROT_WRITE)
						   ? strerrorname_np(errno)
						   : "granted");
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	printf("page at address 0: %s\n",
	       p == MAP_FAILED ? strerrorname_np(errno) : "granted");
	fflush(stdout);
	if (!fork()) {
		for (;;)
			take(1 << 20);
	}
	wait(&status);
	printf("greedy: signal %d\n", WTERMSIG(status));
	take_from_another();
	mkdir("/proc", 0555);
	for (int way = 0; way < 4; way++)
		take_from_holder(way);
	take(64 << 20);
	printf("life goes on\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
}
