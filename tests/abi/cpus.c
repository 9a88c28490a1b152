// SPDX-License-Identifier: MIT
/* The first program of a kernel with more than one CPU. They really run at the same time,
 * and one CPU's changes to the memory and the threads of all are true on the others, too.
 * Each line ends in yes or NO; nothing depends on how fast it goes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define ROUNDS 200
#define ENDS 6
#define SLICE_NS 10000000LL /* the kernel's, when threads share a CPU */

static long cpus;

static void say(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "yes" : "NO");
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		say("pinned", 0);
}

static void unpin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < cpus; i++)
		CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* --- at the same time --- */

#define HANDOVERS 10000

static _Atomic int ball;

static void *second(void *arg)
{
	pin(1);
	while (ball < HANDOVERS)
		if (ball & 1)
			ball++;
	return arg;
}

/* On one CPU each of these takes a slice of time. */
static void together(void)
{
	long long start = now();
	pthread_t t;

	pin(0);
	pthread_create(&t, NULL, second, NULL);
	while (ball < HANDOVERS)
		if (!(ball & 1))
			ball++;
	say("two threads take turns without the kernel",
	    now() - start < HANDOVERS * SLICE_NS / 2);
	pthread_join(t, NULL);
	unpin();
}

/* --- who is where --- */

static void places(void)
{
	cpu_set_t set;
	int right = 1;

	for (int round = 0; round < 50; round++) {
		pin(round % (int)cpus);
		right &= sched_getcpu() == round % (int)cpus;
		sched_yield();
		right &= sched_getcpu() == round % (int)cpus;
		usleep(round % 3 ? 0 : 100);
		right &= sched_getcpu() == round % (int)cpus;
	}
	say("a thread is where it was put", right);
	sched_getaffinity(0, sizeof(set), &set);
	say("on one CPU only", CPU_COUNT(&set) == 1);
	unpin();
	sched_getaffinity(0, sizeof(set), &set);
	say("on all again", CPU_COUNT(&set) == cpus);
	CPU_ZERO(&set);
	CPU_SET(cpus, &set);
	say("not on one that is not there",
	    sched_setaffinity(0, sizeof(set), &set) && errno == EINVAL);
}

/* --- memory: what is taken from one is taken from all --- */

static _Atomic uint64_t *page;
static _Atomic int faults, stop, running;
static _Atomic int go_on;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	faults++;
	while (!go_on)
		;
}

static void *writer(void *arg)
{
	pin(1);
	running = 1;
	while (!stop)
		(*page)++;
	return arg;
}

static pthread_t writer_start(void)
{
	pthread_t t;

	stop = running = 0;
	pthread_create(&t, NULL, writer, NULL);
	while (!running)
		;
	return t;
}

static void writer_end(pthread_t t)
{
	stop = 1;
	pthread_join(t, NULL);
}

static void wait_for_write(void)
{
	uint64_t v = *page;

	while (*page == v)
		;
}

static void protect(void)
{
	struct sigaction act = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
	int late = 0;
	pthread_t t;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	sigaction(SIGSEGV, &act, NULL);
	t = writer_start();
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t v;
		int before = faults;

		wait_for_write();
		go_on = 0;
		mprotect((void *)page, PAGE, PROT_READ);
		v = *page;
		while (faults == before)
			late += *page != v;
		late += *page != v;
		mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE);
		go_on = 1;
	}
	writer_end(t);
	say("no write after mprotect", !late && faults == ROUNDS);
	signal(SIGSEGV, SIG_DFL);
}

/* The writer's page is another one from one moment to the next. */
static void replace(void)
{
	int fd = memfd_create("pages", 0), late = 0;
	_Atomic uint64_t *all;
	pthread_t t;

	ftruncate(fd, 2 * PAGE);
	all = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t = writer_start();
	for (int round = 0; round < ROUNDS; round++) {
		int next = !(round & 1);
		_Atomic uint64_t *old = all + !next * (PAGE / 8);
		uint64_t v;

		mmap((void *)page, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		     fd, next * PAGE);
		v = *old;
		wait_for_write();
		late += *old != v;
	}
	writer_end(t);
	say("no write to the page of before", !late);
	close(fd);
}

static void forget(void)
{
	int late = 0;
	pthread_t t;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	*page = 1ULL << 60;
	t = writer_start();
	for (int round = 0; round < ROUNDS; round++) {
		*page |= 1ULL << 60;
		madvise((void *)page, PAGE, MADV_DONTNEED);
		late += *page >> 60 & 1;
		wait_for_write();
	}
	writer_end(t);
	/* `|=` and `++` above are one step each: none can bring the old number back. */
	say("nothing left after MADV_DONTNEED", !late);
}

static void forks(void)
{
	int bad = 0;
	pthread_t t;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	t = writer_start();
	for (int round = 0; round < 50; round++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			uint64_t v = *page;

			for (int i = 0; i < 20000; i++)
				if (*page != v)
					_exit(1);
			*page = 0;
			_exit(*page != 0);
		}
		waitpid(pid, &status, 0);
		bad += status != 0;
		wait_for_write();
	}
	writer_end(t);
	say("a child's memory is its own", !bad);
}

/* --- threads that do not enter the kernel by themselves --- */

static _Atomic int signals;

static void count(int sig)
{
	signals++;
}

static void *spin(void *arg)
{
	pin((int)(intptr_t)arg);
	running++;
	while (!stop)
		;
	return arg;
}

static void signalled(void)
{
	pthread_t t;

	signal(SIGUSR1, count);
	stop = running = 0;
	pthread_create(&t, NULL, spin, (void *)1);
	while (!running)
		;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_kill(t, SIGUSR1);
		while (signals == i)
			;
	}
	stop = 1;
	pthread_join(t, NULL);
	say("signals reach a thread that runs", signals == ROUNDS);
}

static int *volatile nowhere = (int *)8;

static int ended(int how)
{
	int status = 0;
	pid_t pid;

	stop = running = 0;
	pid = fork();
	if (!pid) {
		pthread_t t;

		for (intptr_t i = 0; i < cpus; i++)
			pthread_create(&t, NULL, spin, (void *)i);
		while (running < cpus)
			;
		if (how == 1)
			_exit(7);
		if (how == 2)
			execl("/init", "init", "again", NULL);
		if (how == 3)
			*nowhere = 1;
		kill(getppid(), SIGUSR2);
		for (;;)
			;
	}
	if (how == 0) {
		sigset_t set;
		int sig;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		sigwait(&set, &sig);
		kill(pid, SIGKILL);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void endings(void)
{
	int right[4] = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < ENDS; i++) {
		right[0] += ended(0) == SIGKILL;
		right[1] += ended(1) == 7 << 8;
		right[2] += ended(2) == 9 << 8;
		right[3] += ended(3) == SIGSEGV;
	}
	say("killed while all its threads run", right[0] == ENDS);
	say("ends while its threads run", right[1] == ENDS);
	say("another program while its threads run", right[2] == ENDS);
	say("dies of a fault while its threads run", right[3] == ENDS);
}

/* --- locks, registers, time --- */

#define WORKERS 6
#define ADDS 3000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int sum, whose;
static _Atomic int wrong_registers;

static void *worker(void *arg)
{
	int me = (int)(intptr_t)arg;
	double a = me + 0.5, b = me * 3.25;

	for (int i = 0; i < ADDS; i++) {
		double c;

		pthread_mutex_lock(&lock);
		sum++;
		pthread_mutex_unlock(&lock);
		/* In registers from before a system call that may move us to after it. */
		__asm__ volatile("movsd %1, %%xmm7\n\tmovsd %2, %%xmm6\n\t"
				 "mov $24, %%eax\n\tsyscall\n\t"
				 "addsd %%xmm6, %%xmm7\n\tmovsd %%xmm7, %0"
				 : "=m"(c)
				 : "m"(a), "m"(b)
				 : "rax", "rcx", "r11", "xmm6", "xmm7", "memory");
		wrong_registers += c != a + b;
	}
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&lock);
		while (whose != me)
			pthread_cond_wait(&turn, &lock);
		whose = (me + 1) % WORKERS;
		pthread_cond_broadcast(&turn);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void locks(void)
{
	pthread_t t[WORKERS];

	for (intptr_t i = 0; i < WORKERS; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(t[i], NULL);
	say("no addition is lost under a mutex", sum == WORKERS * ADDS);
	say("registers stay a thread's own", !wrong_registers);
	say("turns by a condition", whose == 0);
}

static _Atomic long long told;
static _Atomic int back;

static void *watch(void *arg)
{
	pin(1);
	while (!stop) {
		long long t = told, mine = now();

		back += mine < t;
		told = mine > told ? mine : (long long)told;
	}
	return arg;
}

static void clocks(void)
{
	pthread_t t;

	stop = 0;
	pin(0);
	pthread_create(&t, NULL, watch, NULL);
	for (int i = 0; i < 200000; i++) {
		long long other = told, mine = now();

		back += mine < other;
		told = mine > told ? mine : (long long)told;
	}
	stop = 1;
	pthread_join(t, NULL);
	unpin();
	say("time does not go back between CPUs", !back);
}

/* Threads that come and go on all CPUs: stacks and their mappings are used again. */
static void *brief(void *arg)
{
	char stack[20000];

	memset(stack, (int)(intptr_t)arg, sizeof(stack));
	sched_yield();
	return (void *)(intptr_t)stack[12345];
}

static void comings(void)
{
	int bad = 0;

	for (int round = 0; round < 60; round++) {
		pthread_t t[8];
		void *r;

		for (intptr_t i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, brief, (void *)i);
		for (intptr_t i = 0; i < 8; i++) {
			pthread_join(t[i], &r);
			bad += r != (void *)i;
		}
	}
	say("threads come and go", !bad);
}

int main(int argc, char **argv)
{
	char text[64] = "";
	FILE *f;

	if (argc > 1 && !strcmp(argv[1], "again"))
		return 9;
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	printf("%ld CPUs\n", cpus);
	f = fopen("/sys/devices/system/cpu/online", "r");
	if (f && fgets(text, sizeof(text), f))
		printf("online %s", text);
	together();
	places();
	protect();
	replace();
	forget();
	forks();
	signalled();
	endings();
	locks();
	clocks();
	comings();
	printf("cpus done\n");
	return 0;
}
