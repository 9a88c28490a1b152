/* SPDX-License-Identifier: MIT */
/* The kernel's word on processes: state, zombies, time in the kernel; wake-ups. */
#include "abi.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

static char state_of(int pid, const char *task)
{
	char path[64], text[400] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d%s/stat", pid, task);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return '-';
	read(fd, text, sizeof(text) - 1);
	close(fd);
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

static void wait_for(int pid, char state)
{
	for (int i = 0; i < 5000 && state_of(pid, "") != state; i++)
		usleep(1000);
}

static void states(void)
{
	char path[64], text[200] = "";
	int pid, fd, w;

	say("%c", state_of(getpid(), ""));
	snprintf(path, sizeof(path), "/task/%d", getpid());
	say("%c", state_of(getpid(), path));
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	wait_for(pid, 'S');
	say("%c", state_of(pid, ""));
	kill(pid, SIGKILL);
	wait_for(pid, 'Z');
	say("%c", state_of(pid, ""));
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = works(open(path, O_RDONLY));
	yes(read(fd, text, sizeof(text)) > 0);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = works(open(path, O_RDONLY));
	try(read(fd, text, sizeof(text)));
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = works(open(path, O_RDONLY));
	yes(read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "Z (zombie)"));
	close(fd);
	try(kill(pid, 0));
	yes(getpgid(pid) == getpgrp());
	waitpid(pid, &w, 0);
	say("%c", state_of(pid, ""));
	try(kill(pid, 0));
}

static void adjust(void)
{
	char b[20] = "";
	int fd = works(open("/proc/self/oom_score_adj", O_RDWR));

	try(pread(fd, b, 19, 0));
	say("%s", b);
	try(write(fd, "500", 3));
	close(fd);
	fd = open("/proc/self/oom_score_adj", O_RDWR);
	memset(b, 0, sizeof(b));
	read(fd, b, 19);
	say("%s", b);
	try(write(fd, "2000", 4));
	try(write(fd, "x", 1));
	close(fd);
	fflush(stdout);
	if (!fork()) {
		fd = open("/proc/self/oom_score_adj", O_RDWR);
		memset(b, 0, sizeof(b));
		read(fd, b, 19);
		say("child: %s", b);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	fd = open("/proc/self/oom_score_adj", O_RDWR);
	write(fd, "0\n", 2);
	close(fd);
	fd = open("/proc/self/comm", O_RDWR);
	try(write(fd, "renamed", 7));
	close(fd);
	fd = open("/proc/self/comm", O_RDONLY);
	memset(b, 0, sizeof(b));
	read(fd, b, 19);
	say("%s", b);
	close(fd);
}

static double seconds(void)
{
	struct timespec ts;

	/* Of the CPU: the machine may be busy. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long us(struct timeval t)
{
	return t.tv_sec * 1000000 + t.tv_usec;
}

static void busy_in_kernel(double time)
{
	static char b[65536];
	int fd = open("/dev/zero", O_RDONLY);
	double end = seconds() + time;

	while (seconds() < end)
		for (int i = 0; i < 50; i++)
			read(fd, b, sizeof(b));
	close(fd);
}

static void busy_in_user(double time)
{
	double end = seconds() + time;

	while (seconds() < end)
		for (volatile int i = 0; i < 10000; i++)
			;
}

static void times_of(void)
{
	struct rusage a, b, c;
	struct tms t;

	getrusage(RUSAGE_SELF, &a);
	busy_in_kernel(0.2);
	getrusage(RUSAGE_SELF, &b);
	yes(us(b.ru_stime) - us(a.ru_stime) > us(b.ru_utime) - us(a.ru_utime));
	yes(us(b.ru_stime) - us(a.ru_stime) > 50000);
	busy_in_user(0.2);
	getrusage(RUSAGE_SELF, &c);
	yes(us(c.ru_utime) - us(b.ru_utime) > us(c.ru_stime) - us(b.ru_stime));
	times(&t);
	yes(t.tms_stime > 4 && t.tms_utime > 4);
	getrusage(RUSAGE_THREAD, &a);
	yes(us(a.ru_stime) > 50000 && us(a.ru_utime) > 50000);
	if (!fork()) {
		busy_in_kernel(0.2);
		_exit(0);
	}
	wait4(-1, NULL, 0, &a);
	yes(us(a.ru_stime) > us(a.ru_utime));
	getrusage(RUSAGE_CHILDREN, &b);
	yes(us(b.ru_stime) > 30000);
}

static void exclusive(void)
{
	int p[2], go[2], woke = 0, w;
	char b;

	pipe(p);
	pipe(go);
	for (int i = 0; i < 4; i++) {
		struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE};
		int ep;

		if (fork())
			continue;
		ep = epoll_create1(0);
		epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev);
		write(go[1], "r", 1);
		_exit(epoll_wait(ep, &ev, 1, 1500));
	}
	for (int i = 0; i < 4; i++)
		read(go[0], &b, 1);
	usleep(300000); /* until they wait */
	write(p[1], "x", 1);
	while (wait(&w) > 0)
		woke += WEXITSTATUS(w);
	say("woke %d of 4", woke);
	close(p[0]), close(p[1]), close(go[0]), close(go[1]);
}

static void nesting(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fds[12], p[2], last;

	pipe(p);
	last = p[0];
	for (int i = 0; i < 10; i++) {
		fds[i] = epoll_create1(0);
		if (epoll_ctl(fds[i], EPOLL_CTL_ADD, last, &ev)) {
			say("level %d: %s", i + 1, strerrorname_np(errno));
			break;
		}
		last = fds[i];
	}
}

static void futex_pages(void)
{
	char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/tmp/abi-accounts", O_CREAT | O_RDWR, 0600);

	try(syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
	try(syscall(SYS_futex, p, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0));
	munmap(p, 4096);
	ftruncate(fd, 4096);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	try(syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
	ftruncate(fd, 0);
	try(syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
	try(syscall(SYS_futex, p, FUTEX_REQUEUE, 1, 1L, p, 0));
	munmap(p, 4096);
	close(fd);
	unlink("/tmp/abi-accounts");
}

#define ROUNDS 3000
static unsigned *word;

static void turn(unsigned mine)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned v;

		while ((v = __atomic_load_n(word, __ATOMIC_ACQUIRE)) % 2 != mine)
			syscall(SYS_futex, word, FUTEX_WAIT, v, NULL, NULL, 0);
		__atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

/* Two processes take turns on a word of shared memory: no wake-up is lost. */
static void futex_turns(void)
{
	int w;

	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0);
	fflush(stdout);
	if (!fork()) {
		turn(1);
		_exit(0);
	}
	turn(0);
	wait(&w);
	say("%u turns, status %x", *word, w);
}

#define LOCKERS 3
#define LOCKED 4000

struct guarded {
	unsigned lock; /* 0 free, 1 held, 2 held and waited for */
	unsigned count;
};

static void count_locked(struct guarded *g)
{
	for (int i = 0; i < LOCKED; i++) {
		unsigned was = 0;

		if (!__atomic_compare_exchange_n(&g->lock, &was, 1, 0, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
			while (__atomic_exchange_n(&g->lock, 2, __ATOMIC_ACQUIRE))
				syscall(SYS_futex, &g->lock, FUTEX_WAIT, 2, NULL, NULL,
					0);
		*(volatile unsigned *)&g->count += 1;
		if (!(i % 16))
			sched_yield(); /* so that the others come and wait */
		if (__atomic_exchange_n(&g->lock, 0, __ATOMIC_RELEASE) == 2)
			syscall(SYS_futex, &g->lock, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

/* Processes that each map a file of their own accord share a lock in it. */
static void futex_lock(void)
{
	int fd = open("/tmp/abi-accounts", O_CREAT | O_RDWR | O_TRUNC, 0600), w, bad = 0;
	struct guarded *g;

	ftruncate(fd, 8192);
	fflush(stdout);
	for (int i = 0; i < LOCKERS; i++) {
		if (fork())
			continue;
		mmap(NULL, (size_t)(i + 1) * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0); /* elsewhere in each */
		g = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
		count_locked(g);
		_exit(0);
	}
	while (wait(&w) > 0)
		bad |= w;
	g = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	say("%u of %u, status %x", g->count, LOCKERS * LOCKED, bad);
	munmap(g, 4096);
	close(fd);
	unlink("/tmp/abi-accounts");
}

ABI_CASES({"states", states}, {"adjust", adjust}, {"times", times_of},
	  {"exclusive", exclusive}, {"nesting", nesting}, {"futex pages", futex_pages},
	  {"futex turns", futex_turns}, {"futex lock", futex_lock})
