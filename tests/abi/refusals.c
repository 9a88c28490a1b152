/* SPDX-License-Identifier: MIT */
/* Calls that are not allowed, and the error that says so. */
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#define D "/tmp/abi-refusals"

static void start(void)
{
	mkdir(D, 0755);
	if (chdir(D))
		say("no directory");
}

/* A descriptor of O_PATH is a name and no more. */
static void path_only(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	struct pollfd p;
	char buf[64];
	int fd, ep = epoll_create1(0);

	start();
	fd = works(open(D, O_PATH));
	try(read(fd, buf, 1));
	try(write(fd, buf, 1));
	try(lseek(fd, 0, SEEK_SET));
	try(ioctl(fd, 0x5401, buf));
	try(fchmod(fd, 0777));
	try(fchown(fd, 0, 0));
	try(futimens(fd, NULL));
	try(ftruncate(fd, 0));
	try(fsync(fd));
	try(fdatasync(fd));
	try(fallocate(fd, 0, 0, 1));
	try(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	try(sendfile(1, fd, NULL, 1));
	try(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	try(epoll_wait(fd, &ev, 1, 0));
	try(accept(fd, NULL, NULL));
	try(bind(fd, (struct sockaddr *)&un, sizeof(un)));
	try(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	p = (struct pollfd){fd, POLLIN, 0};
	try(poll(&p, 1, 0));
	yes(p.revents == POLLNVAL);
	try(fcntl(fd, F_SETFL, O_NONBLOCK));
	yes(fcntl(fd, F_GETFL) & O_PATH);
	try(fstat(fd, &st));
	works(dup(fd));
	try(fchdir(fd));
	works(openat(fd, ".", O_RDONLY));
	close(fd);
	close(ep);
}

static void copying(void)
{
	int in = open("a", O_CREAT | O_RDWR | O_TRUNC, 0600), out, ro, ap, dir, p[2];
	loff_t off, to;

	write(in, "hello", 5);
	out = open("b", O_CREAT | O_RDWR | O_TRUNC, 0600);
	ro = open("b", O_RDONLY);
	ap = open("b", O_WRONLY | O_APPEND);
	dir = open(".", O_RDONLY);
	pipe(p);
	off = -1;
	try(sendfile(out, in, &off, 5));
	off = 5;
	try(sendfile(ro, in, &off, 5));
	off = 0;
	try(sendfile(ap, in, &off, 5));
	try(sendfile(out, ap, &off, 5));
	try(sendfile(out, p[0], NULL, 5));
	try(sendfile(out, dir, &off, 5));
	off = 0x7ffffffffffffff0;
	try(sendfile(out, in, &off, 100));
	off = -1, to = 0;
	try(copy_file_range(in, &off, out, &to, 5, 0));
	off = 0, to = -5;
	try(copy_file_range(in, &off, out, &to, 5, 0));
	off = -10, to = 0;
	try(copy_file_range(in, &off, out, &to, 5, 0));
	off = 0, to = 2;
	try(copy_file_range(in, &off, in, &to, 5, 0));
	try(copy_file_range(in, &off, ap, NULL, 5, 0));
	try(copy_file_range(in, &off, ro, &to, 5, 0));
	try(copy_file_range(in, &off, p[1], NULL, 5, 0));
	try(copy_file_range(dir, &off, out, &to, 5, 0));
	try(copy_file_range(in, &off, out, &to, 5, 1));
	off = 0, to = 5;
	try(copy_file_range(in, &off, in, &to, 5, 0));
	say("%d %d", (int)off, (int)to);
	off = 10, to = 5;
	try(copy_file_range(in, &off, in, &to, 5, 0));
	close(in), close(out), close(ro), close(ap), close(dir), close(p[0]), close(p[1]);
}

static void directories(void)
{
	int fd = open(D, O_RDONLY);
	char b[16];
	struct iovec v = {b, sizeof(b)};

	try(pread(fd, b, 16, 0));
	try(read(fd, b, 16));
	try(preadv(fd, &v, 1, 0));
	try(pwrite(fd, b, 1, 0));
	try(write(fd, b, 1));
	close(fd);
}

static void allocating(void)
{
	int fd = open("c", O_CREAT | O_RDWR | O_TRUNC, 0600);
	struct stat st;
	char b = 1;

	try(fallocate(fd, 0, 0, 10000));
	fstat(fd, &st);
	say("%ld", (long)st.st_size);
	try(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
	fstat(fd, &st);
	say("%ld", (long)st.st_size);
	pwrite(fd, "x", 1, 5000);
	try(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
	pread(fd, &b, 1, 5000);
	say("%d", b);
	try(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	try(fallocate(fd, 0x8000, 0, 4096));
	try(fallocate(fd, 0, -1, 4096));
	try(fallocate(fd, 0, 0, 0));
	try(fallocate(fd, 0, 0x7ffffffffffff000, 1 << 20));
	try(fallocate(fd, FALLOC_FL_KEEP_SIZE, 1024, 0x7ffffffffffff000));
	close(fd);
	unlink("a"), unlink("b"), unlink("c");
	chdir("/");
	rmdir(D);
}

ABI_CASES({"O_PATH", path_only}, {"copying", copying}, {"directories", directories},
	  {"allocating", allocating})
