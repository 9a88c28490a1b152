/* SPDX-License-Identifier: MIT */
/* PID 1 under QEMU's -icount, where a nanosecond is an instruction: the instructions of
 * each call, with the program's own part. */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5000

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* A few rounds first: work that is done once is not counted. */
#define count(name, ...)                                                                 \
	do {                                                                             \
		double start = 0;                                                        \
		for (int i = -10; i < ROUNDS; i++) {                                     \
			if (!i)                                                          \
				start = now();                                           \
			__VA_ARGS__;                                                     \
		}                                                                        \
		printf("count %s: %.0f\n", name, (now() - start) / ROUNDS);              \
	} while (0)

static void handler(int sig)
{
}

static char buffer[8192];
static unsigned word;

/* A word of one process, one of memory that processes share, one of a file. */
static void wakes(void)
{
	int fd = open("/tmp/word", O_CREAT | O_RDWR, 0600);
	unsigned *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned *file;

	ftruncate(fd, 4096);
	file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*shared = *file = 0;
	count("futex wake", syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1,
				    NULL, NULL, 0));
	count("futex wake, not private",
	      syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
	count("futex wake, shared memory",
	      syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0));
	count("futex wake, file", syscall(SYS_futex, file, FUTEX_WAKE, 1, NULL, NULL, 0));
}

static void files(void)
{
	int zero = open("/dev/zero", O_RDONLY), fd;

	fd = open("/tmp/counts", O_CREAT | O_RDWR | O_TRUNC, 0600);
	count("read of /dev/zero", read(zero, buffer, 1));
	count("pwrite of a byte", pwrite(fd, buffer, 1, 0));
	count("pread of a byte", pread(fd, buffer, 1, 0));
	count("write and lseek", write(fd, buffer, 1), lseek(fd, 0, SEEK_SET));
	count("pwrite of 8 KiB", pwrite(fd, buffer, sizeof(buffer), 0));
}

static void messages(void)
{
	struct timespec none = {0, 0};
	int event = eventfd(0, 0), p[2], s[2];
	struct pollfd pf[3];
	long one = 1;

	pipe(p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pf[0] = (struct pollfd){p[0], POLLIN, 0};
	pf[1] = (struct pollfd){event, POLLIN, 0};
	pf[2] = (struct pollfd){s[0], POLLIN, 0};
	count("eventfd, both ways", write(event, &one, 8), read(event, &one, 8));
	count("pipe, both ways", write(p[1], buffer, 1), read(p[0], buffer, 1));
	count("socket, both ways", send(s[0], buffer, 100, 0),
	      recv(s[1], buffer, 100, 0));
	count("ppoll of three", syscall(SYS_ppoll, pf, 3, &none, NULL, 8));
}

/* Four calls and two switches a round. */
static void switches(void)
{
	int there[2], back[2];

	pipe(there);
	pipe(back);
	if (!fork()) {
		while (read(there[0], buffer, 1) == 1)
			write(back[1], buffer, 1);
		_exit(0);
	}
	count("to another process and back", write(there[1], buffer, 1),
	      read(back[0], buffer, 1));
}

int main(void)
{
	count("system call", syscall(SYS_getppid));
	mkdir("/tmp", 0777);
	wakes();
	files();
	messages();
	signal(SIGUSR1, handler);
	count("signal to itself", syscall(SYS_tgkill, 1, 1, SIGUSR1));
	switches();
	printf("counts done\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
