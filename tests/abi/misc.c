/* SPDX-License-Identifier: MIT */
/* FPU state, /proc, random numbers, the auxiliary vector, run-time loading. */
#include "abi.h"

#include <elf.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>

static volatile int stop;

static void *float_loop(void *arg)
{
	double base = (double)(long)arg, x = base;
	long bad = 0;

	while (!stop) {
		for (int i = 0; i < 1000; i++)
			x = x * 2.0 - base;
		bad += x != base;
	}
	return (void *)bad;
}

static void on_signal(int sig)
{
	volatile double d = 1.0;

	for (int i = 0; i < 100; i++)
		d = d * 1.5 + sig;
}

static void floats(void)
{
	struct timespec ms = {0, 3000000};
	pthread_t t[4];
	long bad = 0;
	void *r;
	unsigned mxcsr;

	signal(SIGUSR1, on_signal);
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, float_loop, (void *)(i + 3));
	for (int i = 0; i < 20; i++) {
		pthread_kill(t[i % 4], SIGUSR1);
		nanosleep(&ms, NULL);
	}
	stop = 1;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		bad += (long)r;
	}
	say("wrong sums %ld", bad);
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	say("mxcsr %x", mxcsr & ~0x3fu);
	mxcsr = 0x5f80;
	__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
	raise(SIGUSR1);
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	say("mxcsr kept %x", mxcsr & ~0x3fu);
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
}

static void proc(void)
{
	char buf[4096];
	int fd, maps = 0;
	FILE *f;
	ssize_t n;

	n = readlink("/proc/self/exe", buf, sizeof(buf));
	yes(n > 0);
	n = readlink("/proc/self", buf, sizeof(buf));
	yes(n > 0 && atoi((buf[n] = 0, buf)) == getpid());
	f = fopen("/proc/self/maps", "r");
	while (f && fgets(buf, sizeof(buf), f))
		maps += strstr(buf, "[stack]") || strstr(buf, "[vdso]");
	say("stack and vdso %d", maps);
	if (f)
		fclose(f);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(buf, sizeof(buf), f))
		if (!strncmp(buf, "Threads:", 8))
			say("threads %d", atoi(buf + 8));
	if (f)
		fclose(f);
	f = fopen("/proc/meminfo", "r");
	yes(f && fgets(buf, sizeof(buf), f) && !strncmp(buf, "MemTotal:", 9));
	if (f)
		fclose(f);
	fd = open("/tmp/abi-proc", O_RDWR | O_CREAT, 0600);
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	n = readlink(buf, buf + 100, 200);
	say("%.*s", (int)n, buf + 100);
	works(open(buf, O_RDONLY));
	unlink("/tmp/abi-proc");
	n = readlink(buf, buf + 100, 200);
	say("%.*s", (int)n, buf + 100);
	try(open("/proc/self/fd/999", O_RDONLY));
	try(open("/proc/999999/maps", O_RDONLY));
	try(mkdir("/proc/x", 0700) == -1);
	f = fopen("/proc/self/comm", "r");
	yes(f && fgets(buf, sizeof(buf), f) && strlen(buf) > 1);
	f = fopen("/proc/self/cmdline", "r");
	yes(f && fread(buf, 1, sizeof(buf), f) > 1);
	yes(access("/dev/fd/1", F_OK) == 0);
}

static void randoms(void)
{
	unsigned char a[64] = {0}, b[64] = {0};
	int zero = 0;

	try(getrandom(a, sizeof(a), 0));
	try(getrandom(b, sizeof(b), GRND_NONBLOCK));
	yes(memcmp(a, b, sizeof(a)));
	for (int i = 0; i < 64; i++)
		zero += a[i] == 0;
	yes(zero < 10);
	try(getrandom(a, 1, 0x100));
	try(getrandom(a, 0, 0));
}

static void vector(void)
{
	const char *platform = (const char *)getauxval(AT_PLATFORM);

	say("page size %lu", getauxval(AT_PAGESZ));
	say("clock ticks %lu", getauxval(AT_CLKTCK));
	say("secure %lu", getauxval(AT_SECURE));
	say("platform %s", platform ? platform : "none");
	yes(getauxval(AT_RANDOM) != 0);
	yes(getauxval(AT_SYSINFO_EHDR) != 0);
	yes(memcmp((void *)getauxval(AT_SYSINFO_EHDR), ELFMAG, 4) == 0);
	yes(getauxval(AT_PHDR) != 0 && getauxval(AT_PHNUM) > 0);
	yes(getauxval(AT_EXECFN) != 0);
}

static void layout(void)
{
	static int in_bss;
	char on_stack;
	struct sysinfo si;

	yes((unsigned long)&on_stack > (unsigned long)&in_bss);
	yes((unsigned long)malloc(1) < (unsigned long)&on_stack);
	yes(((unsigned long)&on_stack >> 40) >= 0x7e);
	yes(malloc(100 << 20) != NULL);
	try(sysinfo(&si));
	yes(si.totalram > si.freeram && si.freeram > 0);
}

ABI_CASES({"floats", floats}, {"proc", proc}, {"random", randoms}, {"auxv", vector},
	  {"layout", layout})
