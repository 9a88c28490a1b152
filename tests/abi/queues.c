/* SPDX-License-Identifier: MIT */
/* Queued signals and timers: their bounds, and their counts. */
#include "abi.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

static const struct timespec none;

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void spin(long ms)
{
	long long end = now() + ms * 1000000LL;

	while (now() < end)
		;
}

static sigset_t block(int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	sigprocmask(SIG_BLOCK, &s, NULL);
	return s;
}

static int drain(const sigset_t *s, siginfo_t *last)
{
	int n = 0;

	while (sigtimedwait(s, last, &none) > 0)
		n++;
	return n;
}

static void limit(void)
{
	struct rlimit was, l;
	sigset_t s = block(SIGRTMIN + 1), one = block(SIGUSR1);
	union sigval v = {.sival_int = 7};
	siginfo_t info;
	int n = 0;

	getrlimit(RLIMIT_SIGPENDING, &was);
	l = (struct rlimit){50, was.rlim_max};
	try(setrlimit(RLIMIT_SIGPENDING, &l));
	while (n < 100000 && !sigqueue(getpid(), SIGRTMIN + 1, v))
		n++;
	yes(n > 0 && n <= 50 && errno == EAGAIN);
	/* Without room: a signal of the old kind, and kill, still come. */
	try(sigqueue(getpid(), SIGUSR1, v));
	try(kill(getpid(), SIGRTMIN + 1));
	try(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGRTMIN + 1));
	try(timer_create(CLOCK_MONOTONIC, NULL, &(timer_t){0}));
	try(sigtimedwait(&one, &info, &none) == SIGUSR1);
	say("%d", drain(&s, &info) - n);
	try(sigqueue(getpid(), SIGRTMIN + 1, v));
	say("%d", drain(&s, &info));
	setrlimit(RLIMIT_SIGPENDING, &was);
}

static timer_t timer(clockid_t clock, int sig)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
	timer_t t = NULL;

	ev.sigev_value.sival_int = 42;
	try(timer_create(clock, &ev, &t));
	return t;
}

static void overrun(void)
{
	sigset_t s = block(SIGRTMIN + 2);
	struct itimerspec it = {{0, 10000000}, {0, 10000000}}, cur;
	timer_t t = timer(CLOCK_MONOTONIC, SIGRTMIN + 2);
	siginfo_t info;
	long long start = now();

	timer_settime(t, 0, &it, NULL);
	spin(500);
	try(sigtimedwait(&s, &info, &none) == SIGRTMIN + 2);
	yes(info.si_code == SI_TIMER && info.si_value.sival_int == 42);
	yes(info.si_overrun >= 40 && info.si_overrun <= (now() - start) / 10000000 + 1);
	yes(timer_getoverrun(t) == info.si_overrun);
	try(timer_gettime(t, &cur));
	yes(cur.it_value.tv_nsec <= 10000000);
	it = (struct itimerspec){0};
	timer_settime(t, 0, &it, NULL);
	yes(drain(&s, &info) <= 1);
	timer_delete(t);

	t = timer(CLOCK_REALTIME, SIGRTMIN + 2);
	clock_gettime(CLOCK_REALTIME, &it.it_value);
	it.it_value.tv_sec -= 10;
	it.it_interval.tv_nsec = 100000000;
	timer_settime(t, TIMER_ABSTIME, &it, NULL);
	try(sigtimedwait(&s, &info, &(struct timespec){1, 0}) == SIGRTMIN + 2);
	yes(info.si_overrun >= 99 && info.si_overrun < 1000);
	timer_delete(t);

	it = (struct itimerspec){{0, 0}, {0, 1}};
	t = timer(CLOCK_MONOTONIC, SIGRTMIN + 2);
	timer_settime(t, 0, &it, NULL);
	try(sigtimedwait(&s, &info, &(struct timespec){1, 0}) == SIGRTMIN + 2);
	say("%d %d", info.si_overrun, timer_getoverrun(t));
	timer_gettime(t, &cur);
	say("%ld", cur.it_value.tv_nsec);
	try(syscall(SYS_timer_settime, t, 0, NULL, NULL));
	timer_delete(t);
}

/* Sixteen timers of a nanosecond, nobody takes their signals. */
static void fast(void)
{
	sigset_t s = block(SIGRTMIN + 3), one = block(SIGUSR1);
	struct rlimit was, l;
	struct itimerspec it = {{0, 1}, {0, 1}};
	struct itimerval iv = {{0, 1}, {0, 1}};
	siginfo_t info;
	timer_t t[16];

	getrlimit(RLIMIT_SIGPENDING, &was);
	l = (struct rlimit){1000, was.rlim_max};
	setrlimit(RLIMIT_SIGPENDING, &l);
	signal(SIGALRM, SIG_IGN);
	for (int i = 0; i < 16; i++) {
		struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL,
				      .sigev_signo = SIGRTMIN + 3};

		timer_create(CLOCK_MONOTONIC, &ev, &t[i]);
		timer_settime(t[i], 0, &it, NULL);
	}
	setitimer(ITIMER_REAL, &iv, NULL);
	spin(200);
	try(sigqueue(getpid(), SIGUSR1, (union sigval){0}));
	try(sigtimedwait(&one, &info, &none) == SIGUSR1);
	setrlimit(RLIMIT_SIGPENDING, &was);
	iv = (struct itimerval){0};
	setitimer(ITIMER_REAL, &iv, NULL);
	it = (struct itimerspec){0};
	for (int i = 0; i < 16; i++)
		timer_settime(t[i], 0, &it, NULL);
	say("%d", drain(&s, &info));
	for (int i = 0; i < 16; i++)
		try(timer_delete(t[i]));
	signal(SIGALRM, SIG_DFL);
}

static volatile int alarms;
static void count_alarm(int sig)
{
	alarms++;
}

static void periods(void)
{
	struct itimerval iv = {{0, 10000}, {0, 10000}};
	struct itimerspec it = {{0, 10000000}, {0, 10000000}}, cur;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	unsigned long long n = 0;
	long long start = now();

	signal(SIGALRM, count_alarm);
	alarms = 0;
	setitimer(ITIMER_REAL, &iv, NULL);
	spin(300);
	yes(alarms > 0 && alarms <= (now() - start) / 10000000 + 1);
	/* Ignored for a while, it goes on. */
	signal(SIGALRM, SIG_IGN);
	spin(50);
	signal(SIGALRM, count_alarm);
	iv = (struct itimerval){0};
	setitimer(ITIMER_REAL, &iv, NULL);
	signal(SIGALRM, SIG_DFL);

	start = now();
	timerfd_settime(fd, 0, &it, NULL);
	spin(305);
	try(read(fd, &n, 8));
	yes(n >= 30 && (long long)n <= (now() - start) / 10000000 + 1);
	spin(15);
	try(timerfd_gettime(fd, &cur));
	yes(cur.it_value.tv_nsec > 0 && cur.it_value.tv_nsec <= 10000000);
	try(read(fd, &n, 8));
	close(fd);
}

static char stack[65536] __attribute__((aligned(4096)));
static void never(int sig)
{
	say("this handler has no stack");
}
static void fault(int sig)
{
	write(1, "  the fault's handler ran\n", 26);
	_exit(3);
}

static void status(int pid)
{
	int w;

	waitpid(pid, &w, 0);
	say("status %x", w);
}

static void no_room(void)
{
	stack_t st = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_handler = fault};

	for (int own = 0; own < 3; own++) {
		int pid;

		fflush(stdout);
		pid = fork();
		if (pid) {
			status(pid);
			continue;
		}
		sigaltstack(&st, NULL);
		sa.sa_handler = fault;
		sa.sa_flags =
			own == 1 ? SA_ONSTACK : 0; /* 1: the fault's has none, too */
		sigaction(SIGSEGV, &sa, NULL);
		if (own == 2)
			signal(SIGSEGV, SIG_IGN);
		sa.sa_handler = never;
		sa.sa_flags = SA_ONSTACK;
		sigaction(SIGHUP, &sa, NULL);
		mprotect(stack, sizeof(stack), PROT_READ);
		raise(SIGHUP);
		_exit(0);
	}
}

static volatile int tid, go, got;
static void *sleeper(void *arg)
{
	tid = (int)syscall(SYS_gettid);
	while (!go)
		usleep(1000);
	return arg;
}
static void note(int sig)
{
	got = sig;
}

static void thread_as_process(void)
{
	siginfo_t info = {.si_code = SI_QUEUE};
	pthread_t t;

	signal(SIGUSR2, note);
	pthread_create(&t, NULL, sleeper, NULL);
	while (!tid)
		usleep(1000);
	try(kill(tid, SIGUSR2));
	while (!got)
		usleep(1000);
	try(syscall(SYS_rt_sigqueueinfo, tid, SIGUSR2, &info));
	yes(getpgid(tid) == getpgrp());
	yes(getsid(tid) == getsid(0));
	try(setpgid(tid, 0));
	try(kill(999999, 0));
	go = 1;
	pthread_join(t, NULL);
	signal(SIGUSR2, SIG_DFL);
}

#define SENDERS 3
#define EACH 2000

/* Every one that was accepted arrives. */
static void exact(void)
{
	sigset_t s = block(SIGRTMIN + 4);
	union sigval v = {.sival_int = 0};
	siginfo_t info;
	long sum = 0, n = 0, ended = 0;

	fflush(stdout);
	for (int i = 0; i < SENDERS; i++) {
		if (fork())
			continue;
		for (int k = 1; k <= EACH; k++) {
			v.sival_int = k;
			while (sigqueue(getppid(), SIGRTMIN + 4, v))
				usleep(100);
		}
		_exit(0);
	}
	while (n < SENDERS * EACH) {
		if (sigtimedwait(&s, &info, &(struct timespec){20, 0}) < 0)
			break;
		n++;
		sum += info.si_value.sival_int;
	}
	while (wait(NULL) > 0)
		ended++;
	say("%ld signals, sum %ld, %ld senders", n, sum, ended);
}

ABI_CASES({"limit", limit}, {"overrun", overrun}, {"fast timers", fast},
	  {"periods", periods}, {"no room for a frame", no_room},
	  {"a thread's id", thread_as_process}, {"exact", exact})
