/* SPDX-License-Identifier: MIT */
/* Pointers at the edge of mapped memory: the bytes that are moved, and the error. */
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define PG 4096UL

static char *edge;   /* the first byte that is not accessible */
static char *rodata; /* a read-only page */

static void start(void)
{
	edge = mmap(NULL, 3 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	edge += 2 * PG;
	mprotect(edge, PG, PROT_NONE);
	rodata = mmap(NULL, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void files(void)
{
	int fd = open("/tmp/abi-edge", O_RDWR | O_CREAT | O_TRUNC, 0600), p[2], s[2];
	struct iovec v[2];

	memset(edge - 100, 'e', 100);
	try(write(fd, edge - 10, 20));
	try(write(fd, edge, 20));
	try(write(fd, (void *)-1L, 1));
	try(write(fd, (void *)0x7fffffffffffUL, 1));
	try(write(fd, (void *)0xffffffff80200000UL, 8));
	lseek(fd, 0, SEEK_SET);
	try(read(fd, edge - 5, 20));
	try(read(fd, rodata, 5));
	try(read(fd, (void *)0xffff888000000000UL, 5));
	try(lseek(fd, 0, SEEK_CUR));
	pipe2(p, O_NONBLOCK);
	try(write(p[1], edge - 3, 10));
	try(read(p[0], edge - 1, 10));
	try(read(p[0], edge, 10));
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	try(write(s[0], edge, 10));
	write(s[0], "abcdef", 6);
	try(read(s[1], edge, 10));
	try(read(s[1], rodata, 2));
	v[0] = (struct iovec){edge - 4, 4};
	v[1] = (struct iovec){edge, 4};
	try(writev(fd, v, 2));
	try(readv(fd, (struct iovec *)(edge - 8), 1));
	v[1].iov_len = -1UL;
	try(writev(fd, v, 2));
	try(read(open("/dev/zero", O_RDONLY), edge - 7, 20));
	try(read(open("/dev/zero", O_RDONLY), edge, 20));
	unlink("/tmp/abi-edge");
}

static void strings(void)
{
	strcpy(edge - 5, "/tmp");
	try(access(edge - 5, F_OK));
	memcpy(edge - 4, "/tmp", 4);
	try(access(edge - 4, F_OK));
	try(access(edge, F_OK));
	try(access((char *)0xffffffff80200000UL, F_OK));
	memset(edge - PG - 10, 'a', PG + 9);
	edge[-1] = 0;
	try(access(edge - PG - 5, F_OK));
	try(access(edge - 300, F_OK));
	edge[-200] = '/';
	try(access(edge - 300, F_OK));
}

static void structs(void)
{
	struct stat *st = (void *)(edge - 8);
	struct pollfd *pf = (void *)(edge - 8);
	sigset_t set;
	int p[2];

	pipe(p);
	try(fstat(1, st));
	try(fstat(1, (void *)rodata));
	pf->fd = p[0];
	pf->events = POLLIN;
	try(poll(pf, 1, 0));
	try(poll(pf, 2, 0));
	try(syscall(SYS_pipe2, edge - 4, 0));
	try(syscall(SYS_pipe2, rodata, 0));
	try(syscall(SYS_rt_sigprocmask, SIG_BLOCK, edge, NULL, 8));
	sigemptyset(&set);
	try(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, rodata, 8));
	try(syscall(SYS_rt_sigaction, SIGUSR1, edge - 4, NULL, 8));
	try(syscall(SYS_nanosleep, edge - 8, NULL));
	try(syscall(SYS_clock_gettime, 1, rodata));
	try(syscall(SYS_getrandom, edge - 8, 8, 0));
	try(syscall(SYS_getrandom, edge, 8, 0));
	try(syscall(SYS_uname, edge - 100));
	try(syscall(SYS_epoll_ctl, epoll_create1(0), EPOLL_CTL_ADD, p[0], edge - 4));
	try(syscall(SYS_getcwd, rodata, 100));
	try(syscall(SYS_bind, socket(AF_UNIX, SOCK_STREAM, 0), edge - 2, 10));
	try(syscall(SYS_sendmsg, 0, edge, 0));
	try(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, rodata));
	try(syscall(SYS_set_robust_list, edge, 24));
	try(syscall(SYS_set_robust_list, NULL, 23));
	syscall(SYS_set_robust_list, NULL, 24);
	try(syscall(SYS_futex, edge, 0, 0, NULL, NULL, 0));
	try(syscall(SYS_getdents64, open("/tmp", O_RDONLY | O_DIRECTORY), rodata, 100));
	try(syscall(SYS_getdents64, open("/tmp", O_RDONLY | O_DIRECTORY), edge - 100, 5));
	try(syscall(SYS_execve, "/tmp", edge, NULL));
	try(syscall(9999));
	try(syscall(-1));
}

ABI_CASES({"start", start}, {"files", files}, {"strings", strings}, {"structs", structs})
