/* SPDX-License-Identifier: MIT */
/* PID 1 that asks for memory it must not have, and whose child takes memory without end;
 * afterwards there must be enough again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not to be optimised away. */
static void take(size_t n)
{
	explicit_bzero(malloc(n), n);
}

/* It is not whoever asks last that ends, but who has most. */
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
	take(64 << 20);
	printf("life goes on\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
}
