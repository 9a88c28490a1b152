/* SPDX-License-Identifier: MIT */
/* Clock calls that need no system call. Runs in user mode. */
#include "vdso_data.h"

#include <asm/unistd.h>
#include <linux/time.h>

#define NSEC 1000000000ULL

struct timespec64 {
	int64_t sec, nsec;
};
struct timeval64 {
	int64_t sec, usec;
};

extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int id, struct timespec64 *ts);
int __vdso_gettimeofday(struct timeval64 *tv, void *tz);
int64_t __vdso_time(int64_t *t);
int __vdso_clock_getres(int id, struct timespec64 *ts);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static uint64_t now(int64_t *real_offset)
{
	const struct vdso_data *d = &vdso_data;
	uint32_t seq, lo, hi;
	uint64_t delta, ns;

	do {
		seq = d->seq & ~1u;
		__asm__ volatile("" ::: "memory");
		__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
		delta = (uint64_t)hi << 32 | lo;
		delta = delta > d->tsc_base ? delta - d->tsc_base : 0;
		delta = d->shift >= 0 ? delta << d->shift : delta >> -d->shift;
		ns = d->ns_base + (uint64_t)((unsigned __int128)delta * d->mult >> 32);
		*real_offset = d->real_offset;
		__asm__ volatile("" ::: "memory");
	} while (d->seq != seq);
	return ns;
}

static long syscall2(long nr, long a, long b)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return r;
}

int __vdso_clock_gettime(int id, struct timespec64 *ts)
{
	int64_t off;
	uint64_t ns;

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI: /* no leap seconds are known here */
		ns = now(&off);
		ns += (uint64_t)off;
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		ns = now(&off);
		break;
	default:
		return (int)syscall2(__NR_clock_gettime, id, (long)ts);
	}
	ts->sec = (int64_t)(ns / NSEC);
	ts->nsec = (int64_t)(ns % NSEC);
	return 0;
}

int __vdso_gettimeofday(struct timeval64 *tv, void *tz)
{
	int64_t off;
	uint64_t ns;

	if (tz)
		return (int)syscall2(__NR_gettimeofday, (long)tv, (long)tz);
	ns = now(&off);
	ns += (uint64_t)off;
	if (tv) {
		tv->sec = (int64_t)(ns / NSEC);
		tv->usec = (int64_t)(ns % NSEC / 1000);
	}
	return 0;
}

int64_t __vdso_time(int64_t *t)
{
	int64_t off;
	uint64_t ns = now(&off);
	int64_t s = (int64_t)((ns + (uint64_t)off) / NSEC);

	if (t)
		*t = s;
	return s;
}

int __vdso_clock_getres(int id, struct timespec64 *ts)
{
	return (int)syscall2(__NR_clock_getres, id, (long)ts);
}

long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	if (vdso_data.cpus > 1) {
		long r;

		__asm__ volatile("syscall"
				 : "=a"(r)
				 : "a"((long)__NR_getcpu), "D"(cpu), "S"(node),
				   "d"(unused)
				 : "rcx", "r11", "memory");
		return r;
	}
	if (cpu)
		*cpu = 0;
	if (node)
		*node = 0;
	return 0;
}
