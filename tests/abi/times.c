/* SPDX-License-Identifier: MIT */
/* Clocks, sleeping, timers. */
#include "abi.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

static long long ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void clocks(void)
{
	static const clockid_t ids[] = {
		CLOCK_REALTIME,		  CLOCK_MONOTONIC,	  CLOCK_MONOTONIC_RAW,
		CLOCK_BOOTTIME,		  CLOCK_REALTIME_COARSE,  CLOCK_MONOTONIC_COARSE,
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
	struct timespec ts, raw;
	struct timeval tv;
	int backwards = 0;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		try(clock_gettime(ids[i], &ts));
	try(clock_gettime(77, &ts));
	try(clock_getres(CLOCK_MONOTONIC, &ts));
	say("%ld %ld", ts.tv_sec, ts.tv_nsec);
	try(clock_getres(77, &ts));
	for (int i = 0; i < 100000; i++) {
		static long long last;
		long long now = ns(CLOCK_MONOTONIC);

		backwards += now < last;
		last = now;
	}
	say("backwards %d", backwards);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &raw);
	yes((raw.tv_sec - ts.tv_sec) * 1000000000LL + raw.tv_nsec - ts.tv_nsec >= 0);
	yes(raw.tv_sec - ts.tv_sec < 20);
	gettimeofday(&tv, NULL);
	yes(labs(tv.tv_sec - time(NULL)) <= 1);
	yes(time(NULL) > 1600000000);
	try(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
	yes(ns(CLOCK_PROCESS_CPUTIME_ID) > 0);
}

static void sleeping(void)
{
	long long t = ns(CLOCK_MONOTONIC);
	struct timespec ts;

	try(usleep(20000));
	yes(ns(CLOCK_MONOTONIC) - t >= 20000000);
	yes(ns(CLOCK_MONOTONIC) - t < 20000000000);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += 10000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	t = ns(CLOCK_MONOTONIC);
	say("%d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	yes(ns(CLOCK_MONOTONIC) - t >= 5000000);
	say("%d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	try(nanosleep(&(struct timespec){0, 1000000000}, NULL));
	try(nanosleep(&(struct timespec){-1, 0}, NULL));
	try(nanosleep((void *)8, NULL));
	say("%s",
	    strerrorname_np(clock_nanosleep(77, 0, &(struct timespec){0, 1}, NULL)));
	try(nanosleep(&(struct timespec){0, 0}, NULL));
}

static void timerfds(void)
{
	int f = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct itimerspec it = {{0, 0}, {90, 900000000}}, old;
	struct pollfd pf = {f, POLLIN, 0};
	uint64_t n = 0;

	try(read(f, &n, 8));
	try(timerfd_settime(f, 0, &it, NULL));
	try(timerfd_gettime(f, &old));
	yes(old.it_value.tv_sec > 60 && old.it_value.tv_sec <= 90);
	it.it_value = (struct timespec){0, 10000000};
	try(timerfd_settime(f, 0, &it, NULL));
	try(poll(&pf, 1, 20000));
	try(read(f, &n, 8));
	say("%lu", n);
	try(read(f, &n, 8));
	it.it_interval.tv_nsec = 5000000;
	timerfd_settime(f, 0, &it, NULL);
	usleep(60000);
	try(read(f, &n, 8));
	yes(n >= 8);
	it = (struct itimerspec){0};
	try(timerfd_settime(f, 0, &it, &old));
	say("interval %ld", old.it_interval.tv_nsec);
	try(timerfd_gettime(f, &old));
	say("%ld %ld", old.it_value.tv_sec, old.it_value.tv_nsec);
	it.it_value.tv_nsec = 1;
	try(timerfd_settime(f, TFD_TIMER_ABSTIME, &it, NULL));
	try(poll(&pf, 1, 20000));
	it.it_value.tv_nsec = -1;
	try(timerfd_settime(f, 0, &it, NULL));
	try(timerfd_settime(f, 99, &it, NULL));
	try(timerfd_settime(0, 0, &it, NULL));
	try(timerfd_create(77, 0));
	try(timerfd_create(CLOCK_MONOTONIC, 77));
	try(read(f, &n, 7));
}

static volatile int alarms;

static void on_alarm(int sig)
{
	alarms++;
}

static void itimers(void)
{
	struct itimerval it = {{0, 5000}, {0, 5000}}, old;
	struct sigaction sa = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &sa, NULL);
	try(setitimer(ITIMER_REAL, &it, NULL));
	while (alarms < 3)
		pause();
	it = (struct itimerval){0};
	try(setitimer(ITIMER_REAL, &it, &old));
	say("interval %ld", old.it_interval.tv_usec);
	try(getitimer(ITIMER_REAL, &old));
	say("%ld %ld", old.it_value.tv_sec, old.it_value.tv_usec);
	try(alarm(100));
	try(alarm(0) > 80);
	try(alarm(0));
	it.it_value.tv_usec = 1000000;
	try(setitimer(ITIMER_REAL, &it, NULL));
	try(getitimer(99, &old));
}

static void posix_timers(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL,
			      .sigev_signo = SIGUSR1,
			      .sigev_value.sival_int = 33};
	struct itimerspec it = {{0, 0}, {0, 5000000}};
	sigset_t set;
	siginfo_t si;
	timer_t t;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	try(timer_create(CLOCK_MONOTONIC, &ev, &t));
	try(timer_settime(t, 0, &it, NULL));
	yes(sigwaitinfo(&set, &si) == SIGUSR1);
	say("code %d value %d overrun %d", si.si_code, si.si_value.sival_int,
	    timer_getoverrun(t));
	try(timer_gettime(t, &it));
	say("%ld", it.it_value.tv_nsec);
	try(timer_delete(t));
	try(timer_create(77, &ev, &t));
}

ABI_CASES({"clocks", clocks}, {"sleeping", sleeping}, {"timerfd", timerfds},
	  {"itimer", itimers}, {"posix-timers", posix_timers})
