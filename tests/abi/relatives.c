/* SPDX-License-Identifier: MIT */
/* The older and the longer forms of calls, which glibc's wrappers no longer make, and the
 * small ones that nothing else here uses.  Each is called by its number, with an error or
 * two. */
#include "abi.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/time_types.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <utime.h>

#define call(name, ...) syscall(SYS_##name, ##__VA_ARGS__)
#define NOWHERE ((void *)16)

static char dir[] = "/tmp/abi-relatives";

static void enter(void)
{
	static const char *const left[] = {"a", "b", "s", "f", "x", "e/b", "e"};

	mkdir(dir, 0755);
	chdir(dir);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (unlink(left[i]))
			rmdir(left[i]);
}

static void names(void)
{
	struct stat st;
	char buf[64];
	int fd, d;

	enter();
	fd = (int)works(call(creat, "a", 0644));
	close(fd);
	fd = (int)works(call(open, "a", O_RDWR, 0));
	try(call(open, "none", O_RDWR, 0));
	try(call(stat, "a", &st));
	yes(S_ISREG(st.st_mode) && st.st_size == 0);
	try(call(lstat, "none", &st));
	try(call(stat, "a", NOWHERE));
	d = open(".", O_RDONLY | O_DIRECTORY);
	try(call(linkat, d, "a", d, "b", 0));
	try(call(linkat, d, "none", d, "c", 0));
	try(call(symlinkat, "a", d, "s"));
	try(call(symlinkat, "a", d, "s"));
	try(call(lstat, "s", &st));
	yes(S_ISLNK(st.st_mode) && st.st_size == 1);
	try(call(readlink, "s", buf, sizeof(buf)));
	try(call(mkdirat, d, "e", 0700));
	try(call(mkdirat, d, "e", 0700));
	try(call(renameat, d, "b", d, "e/b"));
	try(call(renameat2, d, "a", d, "e/b", 1 /* RENAME_NOREPLACE */));
	try(call(unlinkat, d, "e", AT_REMOVEDIR));
	try(call(unlinkat, d, "e/b", 0));
	try(call(unlinkat, d, "e", AT_REMOVEDIR));
	try(call(unlinkat, d, "a", 0x1234));
	try(call(mknod, "f", S_IFIFO | 0600, 0));
	try(call(stat, "f", &st));
	yes(S_ISFIFO(st.st_mode));
	try(call(mknod, "f", S_IFIFO | 0600, 0));
	try(call(faccessat, d, "a", R_OK));
	try(call(faccessat, d, "none", R_OK));
	try(call(faccessat2, d, "a", R_OK, AT_EACCESS));
	try(call(faccessat2, d, "a", R_OK, 1));
	try(call(fchmodat, d, "a", 0600));
	try(call(fchmodat2, d, "a", 0640, 0));
	try(call(stat, "a", &st));
	say("%o", st.st_mode & 07777);
	try(call(fchown, fd, 0, 0));
	try(call(lchown, "s", 0, 0));
	try(call(fchownat, d, "a", 0, 0, 0));
	try(call(fchownat, d, "none", 0, 0, 0));
	try(call(fchdir, d));
	try(call(fchdir, fd));
	try(call(utimes, "a", NULL));
	try(call(utimes, "none", NULL));
	try(call(umount2, "/tmp/abi-relatives/none", 0));
	close(d);
	close(fd);
}

static void contents(void)
{
	char a[] = "abcdef", b[8] = "";
	struct iovec v[2] = {{a, 3}, {a + 3, 3}}, w[2] = {{b, 2}, {b + 2, 4}};
	struct statfs fs;
	int fd, p[2];

	enter();
	fd = open("x", O_CREAT | O_RDWR, 0644);
	try(call(pwritev, fd, v, 2, 4L, 0L));
	try(call(preadv, fd, w, 2, 4L, 0L));
	say("%s", b);
	try(call(pwritev2, fd, v, 2, 0L, 0L, 0));
	try(call(preadv2, fd, w, 2, 0L, 0L, 0));
	try(call(preadv2, fd, w, 2, 0L, 0L, 0x40000000));
	try(call(preadv, fd, w, -1, 0L, 0L));
	try(call(preadv, fd, w, 2, -1L, 0L));
	try(call(fdatasync, fd));
	try(call(fdatasync, -1));
	try(call(fadvise64, fd, 0L, 0L, POSIX_FADV_DONTNEED));
	try(call(fadvise64, fd, 0L, 0L, 77));
	try(call(flock, fd, LOCK_EX));
	try(call(flock, fd, LOCK_UN));
	try(call(flock, -1, LOCK_UN));
	try(call(fstatfs, fd, &fs));
	try(call(statfs, "/tmp", &fs));
	try(call(statfs, "/none", &fs));
	try(call(sync));
	close(fd);
	try(call(pipe, p));
	try(call(pipe, NOWHERE));
	close(p[0]);
	close(p[1]);
	fd = (int)works(call(eventfd, 3));
	close(fd);
	fd = (int)works(call(signalfd, -1, &(uint64_t){1}, 8));
	close(fd);
	try(call(signalfd, -1, &(uint64_t){1}, 4));
	rmdir(dir);
}

static void waiting(void)
{
	struct timeval tv = {0, 1000};
	struct __kernel_timespec ts = {0, 1000000}, bad = {0, -1};
	struct epoll_event e = {.events = EPOLLIN};
	int p[2], ep = epoll_create1(0);
	fd_set r;

	pipe(p);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	try(call(select, p[0] + 1, &r, NULL, NULL, &tv));
	write(p[1], "x", 1);
	FD_SET(p[0], &r);
	try(call(select, p[0] + 1, &r, NULL, NULL, &tv));
	yes(FD_ISSET(p[0], &r));
	try(call(select, -1, NULL, NULL, NULL, &tv));
	epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e);
	try(call(epoll_pwait, ep, &e, 1, 0, NULL, 8));
	try(call(epoll_pwait2, ep, &e, 1, &ts, NULL, 8));
	try(call(epoll_pwait2, ep, &e, 1, &bad, NULL, 8));
	read(p[0], &e, 1);
	try(call(epoll_pwait2, ep, &e, 1, &ts, NULL, 8));
	close(p[0]);
	close(p[1]);
	close(ep);
}

static void clocks(void)
{
	struct timeval tv;
	struct tms tms;
	time_t t;
	unsigned cpu;

	try(call(gettimeofday, &tv, NULL));
	yes(call(time, &t) == t && t - tv.tv_sec <= 1);
	yes(call(times, &tms) != -1);
	try(call(gettimeofday, NOWHERE, NULL));
	try(call(clock_settime, 77, NULL));
	try(call(clock_settime, CLOCK_MONOTONIC, &(struct timespec){1, 0}));
	try(call(getcpu, &cpu, NULL, NULL));
	try(call(restart_syscall));
}

static void identities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0},
					odd = {7, 0};
	struct __user_cap_data_struct d[2];
	unsigned a, b, c;
	gid_t list[4];

	try(call(getresuid, &a, &b, &c));
	yes(a == 0 && b == 0 && c == 0);
	try(call(getresgid, &a, &b, &c));
	try(call(getresgid, NOWHERE, &b, &c));
	try(call(setgid, 0));
	try(call(setregid, 0, 0));
	try(call(setresgid, 0, 0, 0));
	try(call(setreuid, 0, 0));
	try(call(setresuid, 0, 0, 0));
	yes(call(getgroups, 0, NULL) >= 0);
	try(call(getgroups, -1, list));
	try(call(setgroups, 0, NULL));
	try(call(getgroups, 4, list));
	try(call(capget, &h, d));
	try(call(capset, &h, d));
	try(call(capget, &odd, d));
	yes(odd.version == _LINUX_CAPABILITY_VERSION_3);
	h.version = _LINUX_CAPABILITY_VERSION_1;
	try(call(capget, &h, d));
	h.version = _LINUX_CAPABILITY_VERSION_2;
	try(call(capget, &h, d));
	try(call(capget, &h, NULL));
	h.pid = -1;
	try(call(capget, &h, d));
	h.pid = 999999;
	try(call(capget, &h, d));
	h.pid = getpid();
	try(call(capget, &h, d));
	h.pid = 999999;
	try(call(capset, &h, d));
	try(call(sethostname, "x", -1));
	try(call(personality, 0xffffffff));
	try(call(reboot, 1, 2, 3, NULL));
}

static void schedules(void)
{
	struct sched_param sp = {0}, high = {50};
	struct rlimit rl;
	unsigned long cpus[16] = {0};

	yes(call(sched_getaffinity, 0, sizeof(cpus), cpus) > 0 && cpus[0] & 1);
	try(call(sched_getaffinity, 0, 1, cpus));
	yes(call(sched_setaffinity, 0, sizeof(cpus), cpus) == 0);
	try(call(sched_getparam, 0, &sp));
	try(call(sched_setparam, 0, &sp));
	try(call(sched_setscheduler, 0, SCHED_OTHER, &sp));
	try(call(sched_setscheduler, 0, SCHED_OTHER, &high));
	try(call(sched_setscheduler, 0, 77, &sp));
	try(call(setpriority, PRIO_PROCESS, 0, 0)); /* our caller may be niced */
	try(call(getpriority, PRIO_PROCESS, 0));
	try(call(getpriority, 77, 0));
	try(call(getrlimit, RLIMIT_CORE, &rl));
	try(call(setrlimit, RLIMIT_CORE, &rl));
	try(call(getrlimit, 77, &rl));
	try(call(membarrier, 0x4000, 0, 0));
	yes(call(membarrier, 0, 0, 0) > 0);
}

static void memory(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	unsigned char vec[2] = {0, 0};
	void *head;
	size_t size;

	try(call(mlock, p, 8192));
	try(call(mincore, p, 8192, vec));
	yes(vec[0] & 1);
	try(call(mincore, p + 1, 8192, vec));
	try(call(munlock, p, 8192));
	try(call(mlock2, p, 8192, 1));
	try(call(mlock2, p, 8192, 8));
	try(call(mlockall, MCL_CURRENT));
	try(call(mlockall, 0));
	try(call(munlockall));
	munmap(p, 8192);
	try(call(mlock, p, 8192));
	try(call(get_robust_list, 0, &head, &size));
	say("%zu", size);
	try(call(get_robust_list, 0, NOWHERE, &size));
}

static volatile int got;

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	got = si->si_value.sival_int;
}

static void processes(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	siginfo_t si = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
	char *argv[] = {"true", NULL};
	int status = 0, pair[2];
	struct mmsghdr m[2] = {0};
	struct iovec v = {"hey", 3};
	pid_t pid;

	pid = (pid_t)call(fork);
	if (!pid)
		_exit(3);
	waitpid(pid, &status, 0);
	say("fork: %d", WEXITSTATUS(status));
	/* vfork by hand: the child must not return through this frame */
	__asm__ volatile("mov %1, %%eax; syscall; test %%eax, %%eax; jnz 1f;"
			 "mov $4, %%edi; mov $231, %%eax; syscall; 1:"
			 : "=a"(pid)
			 : "i"(SYS_vfork)
			 : "rcx", "r11", "rdi", "memory");
	waitpid(pid, &status, 0);
	say("vfork: %d", WEXITSTATUS(status));
	pid = fork();
	if (!pid) {
		call(execveat, AT_FDCWD, "/none", argv, NULL, 0);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	say("execveat: %d", WEXITSTATUS(status));
	sigaction(SIGUSR1, &sa, NULL);
	si.si_value.sival_int = 9;
	try(call(rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1, &si));
	say("got %d", got);
	try(call(rt_tgsigqueueinfo, getpid(), gettid(), 99, &si));
	try(call(tkill, gettid(), 0));
	try(call(tkill, -1, 0));
	try(call(tkill, gettid(), 99));
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	m[0].msg_hdr.msg_iov = m[1].msg_hdr.msg_iov = &v;
	m[0].msg_hdr.msg_iovlen = m[1].msg_hdr.msg_iovlen = 1;
	try(call(sendmmsg, pair[0], m, 2, 0));
	say("%u %u", m[0].msg_len, m[1].msg_len);
	try(call(sendmmsg, -1, m, 2, 0));
	close(pair[0]);
	close(pair[1]);
}

ABI_CASES({"names", names}, {"contents", contents}, {"waiting", waiting},
	  {"clocks", clocks}, {"identities", identities}, {"schedules", schedules},
	  {"memory", memory}, {"processes", processes})
