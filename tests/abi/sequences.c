/* SPDX-License-Identifier: MIT */
/* Sequences of system calls with resources, for nub only.  PID 1 forks a child for each seed, whose
 * threads make calls on the same descriptors, memory and processes.  The kernel must go on in any
 * case.  Each child must end when it is killed, and the memory must come back. */
#define _GNU_SOURCE
#include "sequences.h"
#include "meminfo.h"

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS = 3,
	STACK = 65536,
	FORKED_CALLS = 12,
	LIMIT_MS = 1000,
	NUDGE_MS = 5,
	END_MS = 60000 /* the machine may stand still */
};

/* Shared with the children, who may write anything to it: for people only. */
static struct {
	unsigned long made[512], good[512];
	unsigned long running; /* call and seed, for whoever looks at a stuck kernel */
} *told;

static unsigned long calls_each = 400;
static int trace;

struct runner {
	unsigned long state, calls;
	int depth;
};

static void run(struct runner *r);

/* Whether the call is made this time.  Some end the child, or wait for what does not come. */
static int wanted(int nr, unsigned long *state, int depth)
{
	unsigned long dice = sequence_random(state) % 60;

	switch (nr) {
	case SYS_reboot:
		return 0;
	case SYS_exit_group:
	case SYS_pause:
	case SYS_rt_sigreturn:
	case SYS_alarm:
		return dice == 0;
	case SYS_execve:
	case SYS_execveat:
	case SYS_exit:
	case SYS_rt_sigsuspend:
	case SYS_setrlimit:
	case SYS_close_range:
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
		return dice < 4;
	case SYS_fork:
	case SYS_vfork:
	case SYS_clone:
	case SYS_clone3:
		return !depth && dice < 15;
	default:
		return 1;
	}
}

static void show(const struct sequence_call *c, const unsigned long a[6])
{
	char line[200];
	int n = snprintf(line, sizeof(line), "%s(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx)\n",
			 c->name, a[0], a[1], a[2], a[3], a[4], a[5]);

	sequence_raw(SYS_write, 200, (unsigned long)line, (unsigned long)n, 0, 0, 0);
}

static void note(const struct sequence_call *c, long result)
{
	if (c->nr < 512) {
		__atomic_fetch_add(&told->made[c->nr], 1, __ATOMIC_RELAXED);
		if (result >= 0)
			__atomic_fetch_add(&told->good[c->nr], 1, __ATOMIC_RELAXED);
	}
}

static int makes_process(int nr)
{
	return nr == SYS_fork || nr == SYS_vfork || nr == SYS_clone || nr == SYS_clone3;
}

static void one_call(struct runner *r)
{
	const struct sequence_call *c =
		&sequence_calls[sequence_random(&r->state) % sequence_count];
	unsigned long a[6];
	long result;

	if (!wanted(c->nr, &r->state, r->depth))
		return;
	sequence_arguments(c, &r->state, a);
	if (trace)
		show(c, a);
	result = sequence_raw(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	note(c, result);
	if (makes_process(c->nr) && result == 0) {
		struct runner child = {r->state ^ 0x5555, FORKED_CALLS, r->depth + 1};

		run(&child);
		sequence_raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	}
	if (makes_process(c->nr) && result > 0)
		pool.pids[sequence_random(&r->state) % 8] = (int)result;
	sequence_result(c, a, result);
}

static void run(struct runner *r)
{
	for (unsigned long i = 0; i < r->calls; i++)
		one_call(r);
}

static int thread(void *arg)
{
	run(arg);
	return 0;
}

static void child(unsigned long seed, unsigned long calls)
{
	static struct runner runners[THREADS];
	/* Ends waits for what does not come. */
	const struct itimerval nudge = {{0, NUDGE_MS * 1000}, {0, NUDGE_MS * 1000}};
	const struct timespec last = {0, 10000000};
	char *stacks = mmap(NULL, THREADS * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	setpgid(0, 0);
	for (int sig = 1; sig < 65; sig++)
		if (sig == SIGALRM || sig == SIGSEGV || sig == SIGPIPE || sig >= 34)
			sequence_handle(sig);
	setitimer(ITIMER_REAL, &nudge, NULL);
	if (trace)
		dup2(1, 200);
	for (int fd = 0; fd < 100; fd++)
		close(fd);
	for (int i = 0; i < 8; i++)
		pool.pids[i] = getpid();
	sequence_open();
	for (int i = 0; i < THREADS; i++) {
		struct runner *r = &runners[i];

		*r = (struct runner){(seed * THREADS + (unsigned long)i + 1) *
					     0x9e3779b97f4a7c15UL,
				     calls, 0};
		if (i == THREADS - 1 || stacks == MAP_FAILED) {
			run(r);
			break;
		}
		if (seed % 4 == 0) /* a quarter without threads: easier to look at */
			continue;
		pool.pids[1 + i] =
			clone(thread, stacks + (i + 1) * STACK,
			      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				      CLONE_THREAD | CLONE_SYSVSEM,
			      r);
	}
	/* A moment more for the others. */
	sequence_raw(SYS_nanosleep, (unsigned long)&last, 0, 0, 0, 0, 0);
	sequence_raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes the ends of children until there is none; 0: some are still there. */
static int reap(pid_t pid, long until)
{
	const struct timespec slice = {0, 20000000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	do {
		pid_t r;

		while ((r = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
			if (r == pid)
				return 1;
		if (r < 0 && errno == ECHILD)
			return 1;
		sigtimedwait(&set, NULL, &slice);
	} while (now_ms() < until);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int flag,
			struct FTW *ftw)
{
	if (ftw->level > 0)
		remove(path);
	return 0;
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void summary(long lost)
{
	unsigned long made = 0, good = 0;
	char never[4096] = "";

	for (unsigned i = 0; i < sequence_count; i++) {
		const struct sequence_call *c = &sequence_calls[i];

		if (c->nr >= 512)
			continue;
		made += told->made[c->nr];
		good += told->good[c->nr];
		if (!told->good[c->nr] && strlen(never) < sizeof(never) - 32)
			sprintf(never + strlen(never), " %s", c->name);
	}
	printf("calls: %lu made, %lu without an error\nnever without an error:%s\n", made,
	       good, never);
	printf("memory lost: %ld KiB\nsequences done\n", lost);
}

static int one_seed(unsigned long seed)
{
	pid_t pid = fork();
	int ended;

	if (!pid)
		child(seed, calls_each);
	if (pid < 0)
		return 0;
	reap(pid, now_ms() + LIMIT_MS);
	kill(-1, SIGKILL);
	ended = reap(0, now_ms() + END_MS);
	nftw("/tmp", remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return ended;
}

static void prepare(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	arena = mmap(NULL, ARENA_PAGES * 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || told == MAP_FAILED)
		_exit(1);
	mprotect(arena + (ARENA_PAGES - 1) * 4096, 4096, PROT_NONE);
}

int main(void)
{
	unsigned long first = number("SEQ_SEED", 1), n = number("SEQ_CHILDREN", 100);
	long before;

	prepare();
	if (getpid() != 1) /* started anew by a child */
		child(first, FORKED_CALLS);
	calls_each = number("SEQ_CALLS", calls_each);
	trace = (int)number("SEQ_TRACE", 0);
	one_seed(0);
	before = meminfo("MemFree");
	for (unsigned long seed = first; seed < first + n; seed++) {
		if (trace)
			printf("seed %lu\n", seed);
		if (!one_seed(seed)) {
			printf("seed %lu: a process does not end\n", seed);
			break;
		}
		if (seed % 50 == 0)
			printf("seed %lu done\n", seed);
		fflush(stdout);
	}
	if (getpid() != 1) /* a child that a broken signal frame has sent here */
		_exit(1);
	summary(before - meminfo("MemFree"));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
