/* SPDX-License-Identifier: MIT */
/* Flags by the bare call, where the C library asks otherwise or nobody else asks. */
#include "abi.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#ifndef PROT_SEM
#define PROT_SEM 8
#endif
#define BAD (1 << 30)
#define LARGE 0100000 /* O_LARGEFILE, which is 0 here */
#define D "/tmp/abi-flags"
#define F D "/file"
#define L D "/link"
#define call(name, ...) syscall(SYS_##name, __VA_ARGS__)

static void start(void)
{
	mkdir(D, 0755);
	close(open(F, O_CREAT | O_RDWR, 0644));
	symlink(F, L);
}

static void opened(const char *name, long fd)
{
	struct stat st;

	if (fd < 0) {
		say("%s: %s", name, strerrorname_np(errno));
		return;
	}
	fstat((int)fd, &st);
	say("%s: mode %o flags %x %d", name, st.st_mode, fcntl((int)fd, F_GETFL),
	    fcntl((int)fd, F_GETFD));
	close((int)fd);
}
#define opens(flags)                                                                     \
	do {                                                                             \
		opened("open " #flags, call(open, F, flags, 0600));                      \
		opened("openat " #flags, call(openat, AT_FDCWD, F, flags, 0600));        \
	} while (0)

static void opening(void)
{
	start();
	opens(O_WRONLY | O_APPEND);
	opens(O_RDWR | O_CLOEXEC);
	opens(O_CREAT);
	opens(O_CREAT | O_EXCL);
	opens(O_DIRECT);
	opens(O_DIRECTORY);
	opens(O_DSYNC);
	opens(O_SYNC);
	opens(LARGE);
	opens(O_NOATIME);
	opens(O_NOCTTY);
	opens(O_NONBLOCK);
	opens(O_PATH);
	opens(O_RDWR | O_TRUNC);
	opens(BAD);
	opened("link", call(open, L, O_NOFOLLOW, 0));
	opened("link", call(open, L, O_NOFOLLOW | O_PATH, 0));
	opened("link", call(openat, AT_FDCWD, L, O_NOFOLLOW, 0));
	opened("nameless", call(open, D, O_TMPFILE | O_RDWR, 0600));
	/* Each bit that nobody knows. */
	for (int bit = 23; bit < 32; bit++)
		opened("bit", call(open, F, O_RDONLY | 1 << bit, 0));
}

static void accessing(void)
{
	int fd = open(F, O_RDWR);

	try(call(access, F, 8));
	for (int mode = 1; mode <= 8; mode *= 2) {
		try(call(faccessat, AT_FDCWD, F, mode));
		try(call(faccessat2, AT_FDCWD, F, mode, 0));
	}
	try(call(faccessat2, AT_FDCWD, L, R_OK, AT_SYMLINK_NOFOLLOW));
	try(call(faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
	try(call(faccessat2, fd, "", R_OK, 0));
	close(fd);
}

/* By descriptor, and of a link itself. */
static void at_flags(void)
{
	int fd = open(F, O_RDWR), nameless = open(D, O_TMPFILE | O_RDWR, 0600);
	struct statx sx;
	struct stat st;

	try(call(fchmodat2, fd, "", 0640, AT_EMPTY_PATH));
	fstat(fd, &st);
	say("%o", st.st_mode);
	try(call(fchmodat2, AT_FDCWD, F, 0600, AT_SYMLINK_NOFOLLOW));
	try(call(fchmodat2, AT_FDCWD, L, 0600, AT_SYMLINK_NOFOLLOW));
	try(call(fchownat, fd, "", 0, 5, AT_EMPTY_PATH));
	try(call(fchownat, AT_FDCWD, L, 0, 7, AT_SYMLINK_NOFOLLOW));
	try(call(newfstatat, AT_FDCWD, F, &st, 0x2000 /* AT_STATX_FORCE_SYNC */));
	say("gid %d", st.st_gid);
	try(call(newfstatat, AT_FDCWD, L, &st, AT_SYMLINK_NOFOLLOW));
	say("gid %d", st.st_gid);
	try(call(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx));
	say("%o", sx.stx_mode);
	try(call(statx, AT_FDCWD, L, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx));
	say("%o", sx.stx_mode & S_IFMT);
	try(call(utimensat, fd, "", NULL, AT_EMPTY_PATH));
	try(call(utimensat, AT_FDCWD, L, NULL, AT_SYMLINK_NOFOLLOW));
	try(call(linkat, nameless, "", AT_FDCWD, D "/named", AT_EMPTY_PATH));
	try(unlink(D "/named"));
	try(call(fcntl, fd, F_GETOWN, 0));
	close(nameless);
	close(fd);
	for (int flag = 1; flag <= 8; flag *= 2)
		try(call(umount2, "/nowhere", flag));
	try(call(umount2, "/nowhere", BAD));
}

static void memory(void)
{
	struct iovec v = {(char[4]){0}, 4};
	int anon = MAP_PRIVATE | MAP_ANONYMOUS, fd = open(F, O_RDWR);
	void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, anon, -1, 0);

	works(call(mmap, NULL, 4096, PROT_READ | BAD, anon, -1, 0));
	works(call(mmap, NULL, 4096, PROT_READ | PROT_SEM, anon, -1, 0));
	works(call(mmap, NULL, 4096, PROT_READ, anon | BAD, -1, 0));
	try(call(mprotect, p, 4096, PROT_READ | PROT_SEM));
	try(call(mprotect, p, 4096, PROT_READ | BAD));
	try(call(mremap, p, 4096, 4096, 64, 0));
	try(call(preadv2, fd, &v, 1, 0L, 0L, BAD));
	try(call(pwritev2, fd, &v, 1, 0L, 0L, BAD));
	munmap(p, 8192);
	close(fd);
}

static void limits(void)
{
	struct rlimit l;

	for (int which = 0; which <= RLIM_NLIMITS; which++) {
		try(call(getrlimit, which, &l));
		try(call(setrlimit, which, &l));
	}
}

static void times(void)
{
	static const int clocks[] = {CLOCK_REALTIME,
				     CLOCK_REALTIME_COARSE,
				     CLOCK_TAI,
				     CLOCK_MONOTONIC,
				     CLOCK_MONOTONIC_RAW,
				     CLOCK_MONOTONIC_COARSE,
				     CLOCK_BOOTTIME,
				     CLOCK_PROCESS_CPUTIME_ID,
				     CLOCK_THREAD_CPUTIME_ID,
				     77};
	struct timespec ts = {0, 1000}, odd = {0, -1};
	struct itimerspec it = {{0, 0}, {0, 0}};
	int id;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		try(call(clock_gettime, clocks[i], &ts));
		try(call(clock_getres, clocks[i], &ts));
	}
	try(call(clock_settime, CLOCK_REALTIME, &odd));
	try(call(clock_settime, CLOCK_MONOTONIC, &odd));
	ts = (struct timespec){0, 1000};
	try(call(clock_nanosleep, CLOCK_BOOTTIME, 0, &ts, NULL));
	try(call(clock_nanosleep, CLOCK_MONOTONIC, BAD, &ts, NULL));
	try(call(timer_create, CLOCK_BOOTTIME, NULL, &id));
	try(call(timer_settime, id, BAD, &it, NULL));
	try(call(timer_delete, id));
	works(call(timerfd_create, CLOCK_BOOTTIME, 0));
}

static void scheduling(void)
{
	siginfo_t si;
	int pid;

	for (int policy = 0; policy <= 6; policy++) {
		try(call(sched_get_priority_max, policy));
		try(call(sched_get_priority_min, policy));
	}
	try(call(sched_get_priority_max, 99));
	try(call(sched_get_priority_min, 99));
	try(call(setpriority, PRIO_PGRP, 999999, 0));
	try(call(setpriority, PRIO_USER, 999999, 0));
	try(call(setpriority, PRIO_PROCESS, 999999, 0));
	try(call(getpriority, PRIO_PGRP, 999999));
	try(call(getpriority, PRIO_USER, 999999));
	try(call(getpriority, PRIO_PROCESS, 999999));
	pid = fork();
	if (!pid)
		_exit(0);
	try(call(waitid, P_PID, pid, &si, WEXITED | __WCLONE, NULL));
	try(call(waitid, P_PID, pid, &si, WEXITED | __WALL, NULL));
}

static void making_sockets(void)
{
	static const int types[] = {SOCK_STREAM,
				    SOCK_DGRAM,
				    SOCK_RAW,
				    SOCK_SEQPACKET,
				    SOCK_RDM,
				    77,
				    SOCK_STREAM | BAD,
				    SOCK_DGRAM | SOCK_CLOEXEC,
				    SOCK_STREAM | SOCK_NONBLOCK};
	int s[2], v = 0, fd;
	socklen_t len = sizeof(v);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fd = (int)call(socket, AF_UNIX, types[i], 0);
		say("%x: %s", types[i], fd < 0 ? strerrorname_np(errno) : "made");
		if (fd < 0)
			continue;
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len);
		say("type %d flags %x %d", v, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
		close(fd);
		if (call(socketpair, AF_UNIX, types[i], 0, s) < 0)
			continue;
		say("pair, flags %x %d", fcntl(s[1], F_GETFL), fcntl(s[1], F_GETFD));
		close(s[0]), close(s[1]);
	}
	try(call(socket, 77, SOCK_STREAM, 0));
	try(call(socketpair, 77, SOCK_STREAM, 0, s));
	try(call(socketpair, AF_UNIX, 77, 0, s));
	call(socketpair, AF_UNIX, SOCK_STREAM, 0, s);
	try(call(setsockopt, s[0], 77, 1, &v, sizeof(v)));
	try(call(getsockopt, s[0], 77, 1, &v, &len));
	try(call(setsockopt, s[0], SOL_SOCKET, 9999, &v, sizeof(v)));
	try(call(getsockopt, s[0], SOL_SOCKET, 9999, &v, &len));
	v = 1;
	try(call(setsockopt, s[0], SOL_SOCKET, SO_PASSCRED, &v, sizeof(v)));
	v = 7;
	try(call(getsockopt, s[0], SOL_SOCKET, SO_PASSCRED, &v, &len));
	say("%d", v);
	close(s[0]), close(s[1]);
}

static void accepting(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = D "/socket"};
	int server = socket(AF_UNIX, SOCK_STREAM, 0), a, b, fd;

	bind(server, (struct sockaddr *)&un, sizeof(un));
	listen(server, 5);
	a = socket(AF_UNIX, SOCK_STREAM, 0);
	b = socket(AF_UNIX, SOCK_STREAM, 0);
	try(connect(a, (struct sockaddr *)&un, sizeof(un)));
	try(connect(b, (struct sockaddr *)&un, sizeof(un)));
	fd = works(call(accept4, server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	say("%x %d", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	close(fd);
	close(a), close(b), close(server);
	unlink(un.sun_path);
}

static void message_flags(void)
{
	char b[16] = "abcdefgh";
	struct iovec v = {b, 8};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	struct mmsghdr mm = {.msg_hdr = m};
	int s[2];

	socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
	try(call(sendmsg, s[0], &m, MSG_EOR));
	try(call(sendmsg, s[0], &m, BAD));
	try(call(sendmmsg, s[0], &mm, 1, MSG_DONTWAIT));
	try(call(sendmmsg, s[0], &mm, 1, MSG_EOR));
	try(call(sendmmsg, s[0], &mm, 1, MSG_NOSIGNAL));
	try(call(sendmmsg, s[0], &mm, 1, BAD));
	v.iov_len = 3;
	try(call(recvmsg, s[1], &m, MSG_PEEK));
	try(call(recvmsg, s[1], &m, MSG_PEEK | MSG_TRUNC));
	yes(m.msg_flags == MSG_TRUNC);
	try(call(recvmsg, s[1], &m, MSG_WAITALL));
	try(call(recvmsg, s[1], &m, BAD));
	try(call(recvfrom, s[1], b, 3, MSG_CMSG_CLOEXEC, NULL, NULL));
	try(call(recvfrom, s[1], b, 3, MSG_TRUNC, NULL, NULL));
	try(call(recvfrom, s[1], b, 3, 1 << 29, NULL, NULL));
	try(call(recvfrom, s[1], b, 3, 0, NULL, NULL));
	try(call(recvfrom, s[1], b, 3, MSG_DONTWAIT, NULL, NULL));
	close(s[0]), close(s[1]);
	unlink(L);
	unlink(F);
	rmdir(D);
}

/* Bits that stand in memory or behind a command: each has its own check. */
static void fields(void)
{
	char other[16384];
	stack_t st = {.ss_sp = other, .ss_size = sizeof(other), .ss_flags = 77};
	struct sigaction sa = {.sa_handler = SIG_IGN}, got;
	struct sigevent ev = {.sigev_notify = 77, .sigev_signo = SIGUSR1};
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), id;

	try(sigaltstack(&st, NULL));
	sa.sa_flags = 0x400 | SA_RESTART; /* SA_UNSUPPORTED */
	try(sigaction(SIGUSR2, &sa, NULL));
	sigaction(SIGUSR2, NULL, &got);
	say("%x", got.sa_flags & ~0x4000000);
	try(call(timer_create, CLOCK_MONOTONIC, &ev, &id));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 99;
	try(call(timer_create, CLOCK_MONOTONIC, &ev, &id));
	try(fcntl(fd, F_SETFD, 0xff));
	try(fcntl(fd, F_GETFD));
	try(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_CREAT | O_WRONLY | BAD));
	say("%x", fcntl(fd, F_GETFL) & ~(O_TMPFILE | LARGE));
	try(fcntl(fd, F_ADD_SEALS, 0x8000));
	close(fd);
}

ABI_CASES({"opening", opening}, {"accessing", accessing}, {"at flags", at_flags},
	  {"memory", memory}, {"limits", limits}, {"times", times},
	  {"scheduling", scheduling}, {"making sockets", making_sockets},
	  {"accepting", accepting}, {"message flags", message_flags}, {"fields", fields})
