/* SPDX-License-Identifier: MIT */
/* Threads and futexes, raw and through glibc. */
#include "abi.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static long futex(void *a, int op, unsigned v, void *t, void *b, unsigned v3)
{
	return syscall(SYS_futex, a, op, v, t, b, v3);
}

static void futex_errors(void)
{
	unsigned w[2] = {5, 5};
	struct timespec soon = {0, 5000000}, bad = {0, -1}, past = {0, 0};

	try(futex(w, FUTEX_WAIT, 4, NULL, NULL, 0));
	try(futex(w, FUTEX_WAIT, 5, &soon, NULL, 0));
	try(futex(w, FUTEX_WAIT, 5, &bad, NULL, 0));
	try(futex(w, FUTEX_WAIT_BITSET, 5, &past, NULL, 1));
	try(futex(w, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &past, NULL, 1));
	try(futex(w, FUTEX_WAIT_BITSET, 5, &past, NULL, 0));
	try(futex((char *)w + 1, FUTEX_WAIT, 5, NULL, NULL, 0));
	try(futex((void *)8, FUTEX_WAIT, 5, NULL, NULL, 0));
	try(futex((void *)-8L, FUTEX_WAIT, 5, NULL, NULL, 0));
	try(futex(w, FUTEX_WAKE, 1, NULL, NULL, 0));
	try(futex(w, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	try(futex(w, FUTEX_CMP_REQUEUE, 1, (void *)1, w + 1, 4));
	try(futex(w, FUTEX_CMP_REQUEUE, 1, (void *)1, w + 1, 5));
	try(futex(w, FUTEX_WAKE_OP, 1, (void *)1, w + 1,
		  FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
	say("%u", w[1]);
	try(futex(w, 99, 1, NULL, NULL, 0));
}

static unsigned word, gate;
static int waiting;

static void *wait_one(void *arg)
{
	long r;

	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	r = futex(&word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL,
		  (unsigned)(long)arg);
	return (void *)r;
}

static void settle(int n)
{
	while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < n)
		sched_yield();
	usleep(100000); /* from there to the futex is a step */
}

static void futex_wake(void)
{
	pthread_t t[6];
	long woken = 0;

	waiting = 0;
	for (long i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, wait_one, (void *)(i < 3 ? 1L : 2L));
	settle(6);
	try(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 2));
	try(futex(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)2L, &gate,
		  0));
	try(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0));
	woken = try(
		futex(&gate, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0));
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	say("all joined, %ld", woken);
}

static void futex_shared(void)
{
	unsigned *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	int status;

	if (!fork()) {
		while (!__atomic_load_n(&m[1], __ATOMIC_SEQ_CST))
			usleep(1000);
		usleep(200000); /* until the parent waits */
		m[0] = 1;
		_exit((int)futex(m, FUTEX_WAKE, 10, NULL, NULL, 0));
	}
	__atomic_store_n(&m[1], 1, __ATOMIC_SEQ_CST);
	while (m[0] == 0)
		futex(m, FUTEX_WAIT, 0, NULL, NULL, 0);
	wait(&status);
	say("child woke %d", WEXITSTATUS(status));
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static int turn;

static void *count_up(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void mutexes(void)
{
	pthread_t t[4];
	void *ret;
	long sum = 0;

	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, count_up, (void *)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		sum += (long)ret;
	}
	say("counter %ld, returns %ld", counter, sum);
}

static void *ping(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		while (turn != (int)(long)arg)
			pthread_cond_wait(&cond, &lock);
		turn = !turn;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void conditions(void)
{
	struct timespec ts;
	pthread_t a, b;

	pthread_create(&a, NULL, ping, (void *)0);
	pthread_create(&b, NULL, ping, (void *)1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	say("ping-pong done, turn %d", turn);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 10000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	pthread_mutex_lock(&lock);
	say("timed wait %s", strerrorname_np(pthread_cond_timedwait(&cond, &lock, &ts)));
	pthread_mutex_unlock(&lock);
}

static __thread int local = 7;
static __thread char big[5000];

static void *tls(void *arg)
{
	local += (int)(long)arg;
	big[4999] = 1;
	sched_yield();
	return (void *)(long)local;
}

static void storage(void)
{
	pthread_t t[3];
	void *ret;

	for (long i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, tls, (void *)(i * 10));
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &ret);
		say("%ld", (long)ret);
	}
	say("%d", local);
}

static void cleanup(void *arg)
{
	say("cleanup %s", (char *)arg);
}

static void *forever(void *arg)
{
	pthread_cleanup_push(cleanup, arg);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancelling(void)
{
	pthread_t t;
	void *ret;

	pthread_create(&t, NULL, forever, "of a cancelled thread");
	usleep(10000);
	pthread_cancel(t);
	pthread_join(t, &ret);
	yes(ret == PTHREAD_CANCELED);
}

static pthread_mutex_t robust;

static void *die_holding(void *arg)
{
	pthread_mutex_lock(&robust);
	return arg;
}

static void robust_list(void)
{
	pthread_mutexattr_t a;
	pthread_t t;
	int r;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &a);
	pthread_create(&t, NULL, die_holding, NULL);
	pthread_join(t, NULL);
	r = pthread_mutex_lock(&robust);
	say("lock: %s", r ? strerrorname_np(r) : "0");
	say("consistent: %d", pthread_mutex_consistent(&robust));
	say("unlock: %d", pthread_mutex_unlock(&robust));
	say("lock: %d", pthread_mutex_lock(&robust));
}

static void *spin(void *arg)
{
	volatile int *stop = arg;
	double x = 1.0;
	long n = 0;

	while (!*stop) {
		x = x * 1.0000001 + 0.5;
		n++;
	}
	return (void *)(n > 0 && x > 0 ? 1L : 0L);
}

static void preemption(void)
{
	volatile int stop = 0;
	pthread_t t[3];
	double y = 3.25;
	void *ret;

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, spin, (void *)&stop);
	for (int i = 0; i < 20; i++) {
		usleep(2000);
		y = y * 2 / 2;
	}
	stop = 1;
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &ret);
		say("%ld", (long)ret);
	}
	say("%.2f", y);
}

static void *quit(void *arg)
{
	exit(5);
}

static void exits(void)
{
	int status;
	pthread_t t;

	fflush(stdout);
	if (!fork()) {
		pthread_create(&t, NULL, quit, NULL);
		for (;;)
			pause();
	}
	wait(&status);
	say("exit from a thread %d", WEXITSTATUS(status));
	if (!fork()) {
		pthread_create(&t, NULL, forever, "never");
		syscall(SYS_exit_group, 6);
	}
	wait(&status);
	say("exit of all %d", WEXITSTATUS(status));
	if (!fork()) {
		pthread_create(&t, NULL, quit, NULL);
		syscall(SYS_exit, 9);
	}
	wait(&status);
	say("leader left first %d", WEXITSTATUS(status));
}

static void many(void)
{
	pthread_t t[64];
	long n = 0;
	void *ret;

	for (int round = 0; round < 5; round++) {
		for (long i = 0; i < 64; i++)
			pthread_create(&t[i], NULL, tls, (void *)i);
		for (int i = 0; i < 64; i++) {
			pthread_join(t[i], &ret);
			n += (long)ret;
		}
	}
	say("%ld", n);
}

static void semaphores(void)
{
	struct timespec ts = {0, 0};
	sem_t s;

	sem_init(&s, 0, 1);
	try(sem_wait(&s));
	try(sem_trywait(&s));
	try(sem_timedwait(&s, &ts));
	try(sem_post(&s));
	try(sem_wait(&s));
}

ABI_CASES({"futex-errors", futex_errors}, {"futex-wake", futex_wake},
	  {"futex-shared", futex_shared}, {"mutexes", mutexes},
	  {"conditions", conditions}, {"storage", storage}, {"cancel", cancelling},
	  {"robust", robust_list}, {"preemption", preemption}, {"exits", exits},
	  {"many", many}, {"semaphores", semaphores})
