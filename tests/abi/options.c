/* SPDX-License-Identifier: MIT */
/* Every flag, command and option that kernel/syscalls.tbl names and no other program tries. */
#include "abi.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/reboot.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#ifndef SCHED_NORMAL
#define SCHED_NORMAL SCHED_OTHER
#endif
#ifndef AT_STATX_SYNC_TYPE
#define AT_STATX_SYNC_TYPE 0x6000
#endif
#define BAD (1 << 30)

static void opening(void)
{
	int fd = open("/tmp/abi-options", O_CREAT | O_RDWR | O_TRUNC | O_NOCTTY, 0600);
	struct statx sx;
	struct stat st;

	works(open("/tmp/abi-options", O_RDONLY | O_DIRECT | O_LARGEFILE));
	works(open("/tmp/abi-options", O_WRONLY | O_DSYNC | O_NOATIME));
	works(open("/tmp/abi-options", O_WRONLY | O_SYNC | BAD));
	try(syscall(SYS_newfstatat, AT_FDCWD, "/tmp", &st, AT_NO_AUTOMOUNT));
	try(syscall(SYS_newfstatat, AT_FDCWD, "/tmp", &st, BAD));
	try(statx(AT_FDCWD, "/tmp", AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC, 0, &sx));
	try(statx(AT_FDCWD, "/tmp", AT_STATX_SYNC_TYPE, 0, &sx));
	try(statx(AT_FDCWD, "/tmp", 0, (int)STATX__RESERVED, &sx));
	try(statx(AT_FDCWD, "/tmp", BAD, 0, &sx));
	try(syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/abi-options", 0600, BAD));
	try(syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/abi-options", 0600, AT_REMOVEDIR));
	try(fchownat(AT_FDCWD, "/tmp/abi-options", 0, 0, BAD));
	try(syscall(SYS_utimensat, AT_FDCWD, "/tmp/abi-options", NULL, 0x8000));
	try(syscall(SYS_faccessat2, AT_FDCWD, "/tmp", 0, 0x8000));
	try(unlinkat(AT_FDCWD, "/tmp/abi-options", 0x8000));
	try(linkat(AT_FDCWD, "/tmp/abi-options", AT_FDCWD, "/tmp/x", 0x8000));
	try(renameat2(AT_FDCWD, "/tmp/abi-options", AT_FDCWD, "/tmp/x", 0x8000));
	try(syscall(SYS_pipe2, &st, BAD));
	try(dup3(1, 50, BAD));
	try(eventfd(0, BAD));
	try(epoll_create1(BAD));
	try(syscall(SYS_accept4, fd, NULL, NULL, BAD));
	works(eventfd(0, EFD_CLOEXEC));
	works(epoll_create1(EPOLL_CLOEXEC));
	for (int advice = POSIX_FADV_NORMAL; advice <= POSIX_FADV_NOREUSE + 1; advice++)
		try(syscall(SYS_fadvise64, fd, 0, 0, advice));
	yes(POSIX_FADV_RANDOM < POSIX_FADV_NOREUSE &&
	    POSIX_FADV_SEQUENTIAL < POSIX_FADV_NOREUSE &&
	    POSIX_FADV_WILLNEED < POSIX_FADV_NOREUSE);
	close(fd);
	unlink("/tmp/abi-options");
}

static void locks(void)
{
	int fd = open("/tmp/abi-options", O_CREAT | O_RDWR, 0600);
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	try(fcntl(fd, F_SETLK, &l));
	try(fcntl(fd, F_SETLKW, &l));
	try(fcntl(fd, F_GETLK, &l));
	say("%d", l.l_type == F_UNLCK);
	l = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET};
	try(fcntl(fd, F_SETLK, &l));
	l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
	try(fcntl(fd, F_OFD_SETLK, &l));
	try(fcntl(fd, F_OFD_SETLKW, &l));
	try(fcntl(fd, F_OFD_GETLK, &l));
	say("%d", l.l_type == F_UNLCK);
	try(fcntl(fd, F_GETOWN)); /* glibc asks F_GETOWN_EX */
	try(fcntl(fd, 7777));
	try(flock(fd, LOCK_SH));
	try(flock(fd, LOCK_EX | LOCK_NB));
	try(flock(fd, LOCK_UN));
	try(flock(fd, LOCK_NB));
	try(flock(fd, BAD));
	close(fd);
	unlink("/tmp/abi-options");
}

static void pipe_sizes(void)
{
	static char b[300000];
	int p[2];

	pipe2(p, O_NONBLOCK);
	try(fcntl(p[1], F_GETPIPE_SZ));
	try(write(p[1], "abcdefgh", 8));
	try(read(p[0], b, 3));
	try(fcntl(p[1], F_SETPIPE_SZ, 4097));
	try(fcntl(p[1], F_SETPIPE_SZ, 4096));
	try(fcntl(p[0], F_GETPIPE_SZ));
	try(read(p[0], b, 100));
	say("%.5s", b);
	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (char)(i * 7 / 5);
	try(write(p[1], b, 65536));
	try(fcntl(p[1], F_SETPIPE_SZ, 131072));
	try(write(p[1], b + 4096, 300000 - 4096));
	try(fcntl(p[1], F_SETPIPE_SZ, 0));
	try(fcntl(p[1], F_SETPIPE_SZ, 4096));
	try(fcntl(p[1], F_SETPIPE_SZ, -1));
	{
		static char got[300000];
		long n = 0, r, wrong = 0;

		while ((r = read(p[0], got + n, 5000)) > 0)
			n += r;
		for (long i = 0; i < n; i++)
			wrong += got[i] != b[i];
		say("%ld bytes, %ld wrong", n, wrong);
	}
	try(fcntl(0, F_SETPIPE_SZ, 4096) == -1);
	close(p[0]);
	close(p[1]);
}

static void mapping(void)
{
	static const int flags[] = {MAP_STACK,
				    MAP_DENYWRITE,
				    MAP_EXECUTABLE,
				    MAP_NONBLOCK,
				    MAP_POPULATE,
				    MAP_LOCKED,
				    MAP_SHARED_VALIDATE & ~MAP_PRIVATE};
	int fd = open("/tmp/abi-options", O_CREAT | O_RDWR, 0600);
	char *p, *q;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) - 1; i++) {
		p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | flags[i], -1, 0);
		yes(p != MAP_FAILED);
		munmap(p, 8192);
	}
	ftruncate(fd, 8192);
	yes(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE, fd, 0) != MAP_FAILED);
	try(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | 1 << 25, fd, 0));
	try(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
	try(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS | BAD, -1,
		 0));
	try(mmap(NULL, 0, PROT_READ, MAP_SHARED, 999, 0));
	try(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0));
	p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	try(mprotect(p, 4096, BAD));
	try(mremap(p, 4096, 4096, 64));
	try(msync(q, 4096, MS_SYNC | MS_INVALIDATE));
	try(msync(q, 4096, MS_SYNC | MS_ASYNC));
	try(msync(q, 4096, BAD));
	try(syscall(SYS_mlock2, p, 4096, MLOCK_ONFAULT));
	try(syscall(SYS_mlock2, p, 4096, BAD));
	try(munlock(p, 4096));
	try(mlockall(MCL_FUTURE | MCL_ONFAULT));
	try(mlockall(MCL_ONFAULT));
	try(mlockall(BAD));
	try(munlockall());

	try(madvise(p, 4096, MADV_RANDOM));
	try(madvise(p, 4096, MADV_SEQUENTIAL));
	try(madvise(p, 4096, MADV_COLD));
	try(madvise(p, 4096, MADV_PAGEOUT));
	try(madvise(p, 4096, MADV_DODUMP));
	try(madvise(p, 4096, MADV_FREE));
	try(madvise(q, 4096, MADV_FREE));
	try(madvise(p, 4096, MADV_POPULATE_READ));
	try(madvise(p, 4096, 1234));
	memset(q, 1, 8192);
	try(madvise(q, 4096, MADV_REMOVE));
	say("%d %d", q[0], q[4096]);
	try(madvise(p, 4096, MADV_REMOVE));
	try(madvise(q, 4096, MADV_WIPEONFORK));
	memset(p, 5, 16384);
	try(madvise(p + 4096, 4096, MADV_WIPEONFORK));
	try(madvise(p + 8192, 4096, MADV_DONTFORK));
	fflush(stdout);
	if (!fork()) {
		int w;

		say("%d %d %d", p[0], p[4096], p[12288]);
		fflush(stdout);
		if (!fork())
			_exit(p[8192]);
		wait(&w);
		say("%x", w);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	try(madvise(p, 16384, MADV_KEEPONFORK));
	try(madvise(p, 16384, MADV_DOFORK));
	fflush(stdout);
	if (!fork()) {
		say("%d %d %d", p[0], p[4096], p[8192]);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	/*
	 * On a kernel with huge pages and merging, they are taken; here they are hints.
	 */
	yes(!madvise(p, 4096, MADV_HUGEPAGE) || errno == EINVAL);
	yes(!madvise(p, 4096, MADV_NOHUGEPAGE) || errno == EINVAL);
	yes(!madvise(p, 4096, MADV_MERGEABLE) || errno == EINVAL);
	yes(!madvise(p, 4096, MADV_UNMERGEABLE) || errno == EINVAL);
	munmap(p, 16384);
	munmap(q, 8192);
	close(fd);
	unlink("/tmp/abi-options");
}

static void reaped(int pid)
{
	int w = -1, r = waitpid(pid, &w, 0);

	say("%d %d", pid > 0 ? r == pid : r > 0, WEXITSTATUS(w));
}

static int in_child(void *arg)
{
	return 7;
}

static void cloning(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	static pid_t tid, parent;
	int w, pid;
	struct {
		unsigned long long flags, rest[10], more;
	} c = {.more = 1};

	pid = clone(in_child, stack + sizeof(stack),
		    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_IO |
			    CLONE_SYSVSEM | CLONE_UNTRACED | CLONE_PTRACE |
			    CLONE_DETACHED | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
			    CLONE_CHILD_CLEARTID | SIGCHLD,
		    NULL, &parent, NULL, &tid);
	reaped(pid);
	yes(parent == pid && !tid);
	yes((SIGCHLD & ~CSIGNAL) == 0);
	try(clone(in_child, stack + sizeof(stack), CLONE_SIGHAND | SIGCHLD, NULL));
	try(clone(in_child, stack + sizeof(stack), CLONE_THREAD | SIGCHLD, NULL));
	/* A child of its grandparent. */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		pid = clone(in_child, stack + sizeof(stack), CLONE_PARENT | SIGCHLD,
			    NULL);
		try(pid > 0);
		try(waitpid(pid, &w, 0));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &w, 0);
	reaped(-1);

	c.rest[3] = SIGCHLD;
	try(syscall(SYS_clone3, &c, sizeof(c)));
	c.more = 0;
	pid = (int)syscall(SYS_clone3, &c, sizeof(c));
	if (!pid)
		_exit(5);
	reaped(pid);
	c.flags = CLONE_DETACHED;
	try(syscall(SYS_clone3, &c, sizeof(c)));
	c.flags = CLONE_PARENT;
	try(syscall(SYS_clone3, &c, sizeof(c)));
	c.flags = 1ULL << 50;
	try(syscall(SYS_clone3, &c, sizeof(c)));
	try(syscall(SYS_clone3, &c, 8));
}

static void waiting(void)
{
	int pid = fork(), w;
	siginfo_t si = {0};

	if (!pid) {
		pause();
		_exit(0);
	}
	try(syscall(SYS_wait4, -1, NULL, WNOHANG | WUNTRACED | WCONTINUED | (int)__WALL,
		    NULL));
	try(syscall(SYS_wait4, -1, NULL, WNOHANG | (int)__WCLONE, NULL));
	try(syscall(SYS_wait4, -1, NULL, 0x100, NULL));
	try(waitid(P_ALL, 0, &si, WNOHANG | WSTOPPED | WCONTINUED | WEXITED));
	try(waitid(P_PGID, 0, &si, WNOHANG | WEXITED));
	try(waitid(P_PGID, 99999, &si, WNOHANG | WEXITED));
	try(waitid(P_ALL, 0, &si, WNOHANG));
	try(waitid(77, 0, &si, WNOHANG | WEXITED));
	try(waitid(P_ALL, 0, &si, 0x100 | WEXITED));
	kill(pid, SIGKILL);
	try(waitpid(pid, &w, 0) == pid);
}

static void limits_and_usage(void)
{
	static const int all[] = {
		RLIMIT_CPU,   RLIMIT_DATA,     RLIMIT_RSS,  RLIMIT_NPROC,  RLIMIT_MEMLOCK,
		RLIMIT_LOCKS, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO, RLIMIT_RTTIME};
	struct sched_param sp = {0};
	struct rusage ru;
	struct rlimit l;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		try(getrlimit(all[i], &l));
		try(setrlimit(all[i], &l));
	}
	try(getrusage(RUSAGE_CHILDREN, &ru));
	try(getrusage(RUSAGE_THREAD, &ru));
	try(getrusage(77, &ru));
	works(getpriority(PRIO_PGRP, 0));
	works(getpriority(PRIO_USER, 0));
	try(getpriority(77, 0));
	try(setpriority(77, 0, 0));
	try(sched_setscheduler(0, SCHED_NORMAL, &sp));
	try(sched_setscheduler(0, 77, &sp));
	try(syscall(SYS_sched_getparam, 0, NULL));
	try(personality(PER_LINUX));
	try(personality(0xffffffff));
}

static volatile int died;
static void note_death(int sig)
{
	died = sig;
}

static void of_process(void)
{
	int v = 0, pid, w, p[2];
	char b;

	try(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	try(prctl(PR_GET_PDEATHSIG, &v));
	say("%d", v);
	try(prctl(PR_SET_PDEATHSIG, 1000));
	try(prctl(PR_SET_PDEATHSIG, 0));
	try(prctl(PR_GET_DUMPABLE));
	try(prctl(PR_SET_TIMERSLACK, 70000));
	try(prctl(PR_GET_TIMERSLACK));
	try(prctl(PR_SET_TIMERSLACK, 0));
	try(prctl(PR_GET_TIMERSLACK));
	try(prctl(PR_SET_KEEPCAPS, 1));
	try(prctl(PR_GET_KEEPCAPS));
	try(prctl(PR_SET_KEEPCAPS, 0));
	try(prctl(PR_SET_KEEPCAPS, 2));
	try(prctl(PR_GET_SECUREBITS));
	yes(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == 2 || errno == EINVAL);
	try(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	try(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	fflush(stdout);
	if (!fork()) {
		try(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		try(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	try(prctl(PR_SET_CHILD_SUBREAPER, 1));
	try(prctl(PR_GET_CHILD_SUBREAPER, &v));
	say("%d", v);
	/* The grandchild hears of its parent's death and becomes ours. */
	pipe(p);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid) {
			signal(SIGUSR1, note_death);
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			write(p[1], "x", 1);
			while (!died)
				usleep(1000);
			_exit(died == SIGUSR1 ? 33 : 1);
		}
		read(p[0], &b, 1);
		_exit(0);
	}
	waitpid(pid, &w, 0);
	reaped(-1);
	try(prctl(PR_SET_CHILD_SUBREAPER, 0));
	close(p[0]);
	close(p[1]);
}

static void machine(void)
{
	unsigned long v;
	char b[16];

	try(syscall(SYS_arch_prctl, ARCH_GET_FS, &v));
	yes(v != 0);
	try(syscall(SYS_arch_prctl, ARCH_GET_GS, &v));
	try(syscall(SYS_arch_prctl, 7, &v));
	try(syscall(SYS_getrandom, b, 16, GRND_NONBLOCK | GRND_RANDOM) > 0);
	try(syscall(SYS_getrandom, b, 16, GRND_INSECURE));
	try(syscall(SYS_getrandom, b, 16, GRND_RANDOM | GRND_INSECURE));
	try(syscall(SYS_getrandom, b, 16, BAD));
	try(syscall(SYS_reboot, 1, 2, LINUX_REBOOT_CMD_RESTART, NULL));
	try(syscall(SYS_reboot, 1, 2, LINUX_REBOOT_CMD_RESTART2, NULL));
	try(syscall(SYS_reboot, 1, 2, LINUX_REBOOT_CMD_HALT, NULL));
	try(syscall(SYS_reboot, 1, 2, LINUX_REBOOT_CMD_POWER_OFF, NULL));
	try(syscall(SYS_reboot, 1, 2, LINUX_REBOOT_CMD_CAD_ON, NULL));
	try(syscall(SYS_reboot, 1, 2, LINUX_REBOOT_CMD_CAD_OFF, NULL));
	try(mount("none", "/nowhere", "tmpfs",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |
			  MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME | MS_SILENT,
		  NULL));
	yes(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
		    0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	try(syscall(SYS_membarrier, BAD, 0, 0));
	try(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, BAD, 0));
}

static void socket_option(int fd, int name, int value)
{
	socklen_t len = sizeof(value);
	int r = setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value)), got = -1;

	getsockopt(fd, SOL_SOCKET, name, &got, &len);
	say("option %d: %d, reads %d", name, r, got);
}

static void sockets(void)
{
	int s[2], v, size = 1;
	socklen_t len = sizeof(v);
	char b[8];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	socket_option(s[0], SO_REUSEADDR, 1);
	socket_option(s[0], SO_KEEPALIVE, 1);
	socket_option(s[0], SO_BROADCAST, 1);
	socket_option(s[0], SO_PRIORITY, 3);
	try(getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &v, &len));
	try(getsockopt(s[0], SOL_SOCKET, SO_PROTOCOL, &v, &len));
	try(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, &len));
	try(getsockopt(s[0], SOL_SOCKET, SO_RCVBUF, &v, &len));
	try(setsockopt(s[0], SOL_SOCKET, SO_RCVBUF, &size, 1));
	try(send(s[0], "abc", 3, MSG_EOR | BAD));
	try(send(s[0], "def", 3, 0));
	try(recv(s[1], b, 6, MSG_WAITALL));
	try(shutdown(s[0], 7));
	try(shutdown(s[0], SHUT_RD));
	try(shutdown(s[0], SHUT_RDWR));
	close(s[0]);
	close(s[1]);
}

static void clock_ids(void)
{
	struct timespec ts = {0, 1000};
	struct itimerval iv;
	timer_t t;

	try(clock_gettime(CLOCK_TAI, &ts));
	try(timer_create(CLOCK_TAI, NULL, &t));
	try(timer_delete(t));
	try(syscall(SYS_clock_gettime, -1, &ts));
	try(syscall(SYS_clock_getres, -1, &ts));
	try(syscall(SYS_clock_getres, -6, &ts));
	ts = (struct timespec){0, 1000};
	try(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL));
	try(syscall(SYS_clock_nanosleep, CLOCK_TAI, 0, &ts, NULL));
	try(timer_create(77, NULL, &t));
	try(syscall(SYS_timerfd_create, 77, 0));
	try(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, BAD));
	try(getitimer(77, &iv));
	try(epoll_ctl(0, 77, 0, NULL) == -1);
}

ABI_CASES({"opening", opening}, {"locks", locks}, {"pipe sizes", pipe_sizes},
	  {"mapping", mapping}, {"cloning", cloning}, {"waiting", waiting},
	  {"limits and usage", limits_and_usage}, {"of the process", of_process},
	  {"machine", machine}, {"sockets", sockets}, {"clocks", clock_ids})
