/* SPDX-License-Identifier: MIT */
/* Priority-inheriting futexes, raw and through glibc; what happens to a lock whose owner
 * dies; requeueing. */
#include "abi.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static long futex(void *a, int op, unsigned v, void *t, void *b, unsigned v3)
{
	return syscall(SYS_futex, a, op, v, t, b, v3);
}

static void errors(void)
{
	unsigned tid = (unsigned)gettid(), w = 0, other = 1 << 29;
	struct timespec past = {0, 0};

	try(futex(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	try(futex(&w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	yes(w == tid);
	try(futex(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	try(futex(&w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	try(futex(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	yes(w == 0);
	try(futex(&w, FUTEX_LOCK_PI2, 0, &past, NULL, 0));
	yes(w == tid);
	try(futex(&w, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	try(futex(&w, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0));
	try(futex(&other, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	try(futex(&other, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	try(futex((char *)&w + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	try(futex((void *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	try(futex((void *)8, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	w = FUTEX_OWNER_DIED;
	try(futex(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	yes(w == (tid | FUTEX_OWNER_DIED));
	try(futex(&w, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
}

static unsigned word;
static volatile int holding, tries;

static void *hold(void *arg)
{
	futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	holding = 1;
	while (!(word & FUTEX_WAITERS))
		sched_yield();
	futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	return NULL;
}

static void *die_holding(void *arg)
{
	futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	holding = 1;
	while (!(word & FUTEX_WAITERS))
		sched_yield();
	return NULL;
}

static void start(void *(*fn)(void *), pthread_t *t)
{
	word = 0;
	holding = 0;
	pthread_create(t, NULL, fn, NULL);
	while (!holding)
		sched_yield();
}

/* The kernel gives the lock from one to the next, also when the owner just ends. */
static void handed_over(void)
{
	unsigned tid = (unsigned)gettid();
	pthread_t t;

	start(hold, &t);
	try(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	yes((word & FUTEX_TID_MASK) == tid);
	try(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	yes(!(word & FUTEX_TID_MASK));
	pthread_join(t, NULL);
	start(die_holding, &t);
	try(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	yes((word & FUTEX_TID_MASK) == tid);
	yes(word & FUTEX_OWNER_DIED);
	pthread_join(t, NULL);
}

static void *keep(void *arg)
{
	futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	holding = 1;
	while (!tries)
		sched_yield();
	return (void *)futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
}

static void on_signal(int sig)
{
	tries++;
}

/*
 * A time-out leaves the lock to its owner; a signal's handler runs and the wait
 * goes on.
 */
static void given_up(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct timespec soon;
	pthread_t t;

	tries = 0;
	start(keep, &t);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_nsec -= 1000000000;
		soon.tv_sec++;
	}
	try(futex(&word, FUTEX_LOCK_PI, 0, &soon, NULL, 0));
	yes(!(word & FUTEX_OWNER_DIED));
	try(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 0);
	try(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	say("handler ran %d times", tries);
	yes((word & FUTEX_TID_MASK) == (unsigned)gettid());
	pthread_join(t, NULL);
	futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
}

static pthread_mutex_t mutex;
static long counter;

static void *count(void *arg)
{
	for (int i = 0; i < 3000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		if (i % 64 == 0)
			sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void make(int robust, int shared)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	try(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT));
	if (robust)
		pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	if (shared)
		pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	try(pthread_mutex_init(&mutex, &a));
}

static void through_glibc(void)
{
	pthread_t t[4];

	make(0, 0);
	counter = 0;
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, count, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	say("%ld", counter);
	try(pthread_mutex_destroy(&mutex));
}

static void *lock_and_end(void *arg)
{
	pthread_mutex_lock(&mutex);
	return NULL;
}

static void *lock_wait_end(void *arg)
{
	pthread_mutex_lock(&mutex);
	holding = 1;
	while (!(*(volatile unsigned *)&mutex & FUTEX_WAITERS))
		sched_yield();
	return NULL;
}

static void robust(void)
{
	pthread_t t;

	make(1, 0);
	pthread_create(&t, NULL, lock_and_end, NULL);
	pthread_join(t, NULL);
	say("%s", strerrorname_np(pthread_mutex_lock(&mutex)));
	try(pthread_mutex_consistent(&mutex));
	try(pthread_mutex_unlock(&mutex));
	holding = 0;
	pthread_create(&t, NULL, lock_wait_end, NULL);
	while (!holding)
		sched_yield();
	say("%s", strerrorname_np(pthread_mutex_lock(&mutex)));
	try(pthread_mutex_consistent(&mutex));
	try(pthread_mutex_unlock(&mutex));
	try(pthread_mutex_lock(&mutex));
	try(pthread_mutex_unlock(&mutex));
	pthread_join(t, NULL);
}

/* The owner is another process, and is killed while we wait. */
static void across_processes(void)
{
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pid_t child;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &a);
	child = fork();
	if (!child) {
		pthread_mutex_lock(m);
		while (!(*(volatile unsigned *)m & FUTEX_WAITERS))
			sched_yield();
		raise(SIGKILL);
	}
	while (!*(volatile unsigned *)m)
		sched_yield();
	say("%s", strerrorname_np(pthread_mutex_lock(m)));
	try(pthread_mutex_consistent(m));
	try(pthread_mutex_unlock(m));
	waitpid(child, NULL, 0);
}

static unsigned from, to;
static int asleep;

static void *wait_from(void *arg)
{
	__atomic_add_fetch(&asleep, 1, __ATOMIC_SEQ_CST);
	return (void *)futex(&from, FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* To the same word and to many others, some of which share a queue in the kernel. */
static void requeue(void)
{
	static unsigned many[256];
	pthread_t t[3];
	long moved = 0;

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, wait_from, NULL);
	/* All asleep when all three could be moved. */
	while (moved != 3)
		moved = futex(&from, FUTEX_REQUEUE, 0, (void *)(long)INT_MAX, &from, 0);
	say("moved to itself: %ld", moved);
	moved = futex(&from, FUTEX_REQUEUE, 0, (void *)(long)INT_MAX, &many[0], 0);
	for (int i = 0; i < 255; i++)
		moved += futex(&many[i], FUTEX_CMP_REQUEUE, 0, (void *)(long)INT_MAX,
			       &many[i + 1], 0);
	say("moved: %ld", moved);
	try(futex(&from, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
	try(futex(&many[255], FUTEX_CMP_REQUEUE, 1, (void *)1L, &to, 0));
	try(futex(&many[255], FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
	try(futex(&to, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	try(futex(&from, FUTEX_REQUEUE, 0, (void *)-1L, &to, 0));
	try(futex(&from, FUTEX_REQUEUE, -1, (void *)1L, &to, 0));
}

ABI_CASES({"errors", errors}, {"handed-over", handed_over}, {"given-up", given_up},
	  {"through-glibc", through_glibc}, {"robust", robust},
	  {"across-processes", across_processes}, {"requeue", requeue})
