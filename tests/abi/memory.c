/* SPDX-License-Identifier: MIT */
/* mmap and its kin, brk, protection, faults. */
#include "abi.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PG 4096UL

static sigjmp_buf jump;
static volatile int fault_signal, fault_code;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	fault_signal = sig;
	fault_code = info->si_code;
	siglongjmp(jump, 1);
}

static void catch_faults(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static void touch(const char *what, volatile char *p, int write)
{
	catch_faults();
	if (sigsetjmp(jump, 1)) {
		say("%s: signal %d code %d", what, fault_signal, fault_code);
		return;
	}
	if (write)
		*p = 1;
	else
		(void)*p;
	say("%s: fine", what);
}

static char *map(size_t n, int prot, int flags)
{
	return mmap(NULL, n, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void anonymous(void)
{
	char *p = map(64 * PG, PROT_READ | PROT_WRITE, 0);
	long sum = 0;

	for (size_t i = 0; i < 64 * PG; i++)
		sum += p[i];
	say("sum of fresh memory %ld", sum);
	memset(p, 7, 64 * PG);
	for (size_t i = 0; i < 64 * PG; i++)
		sum += p[i];
	say("sum %ld", sum);
	try(munmap(p, 64 * PG));
	touch("after munmap", p, 0);
}

static void errors(void)
{
	char *p = map(4 * PG, PROT_READ, 0);

	yes(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	    errno == EINVAL);
	yes(mmap(NULL, PG, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	    errno == EINVAL);
	yes(mmap(NULL, PG, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED &&
	    errno == EBADF);
	yes(syscall(SYS_mmap, 0, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1) ==
		    -1 &&
	    errno == EINVAL);
	yes(mmap((void *)(PG + 1), PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED &&
	    errno == EINVAL);
	yes(mmap(NULL, 1UL << 48, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		    MAP_FAILED &&
	    errno == ENOMEM);
	yes(mmap(p, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0) == MAP_FAILED &&
	    errno == EEXIST);
	try(munmap(p + 1, PG));
	try(munmap(p, 0));
	try(mprotect(p + 1, PG, PROT_READ));
	try(mprotect(p, PG, 0x1000));
	munmap(p + PG, PG);
	try(mprotect(p, 3 * PG, PROT_READ));
	try(madvise(p, PG, 9999));
	try(madvise(p + 1, PG, MADV_NORMAL));
	try(madvise(p, 3 * PG, MADV_DONTNEED));
	try(msync(p, PG, MS_SYNC | MS_ASYNC));
	try(msync(p + PG, PG, MS_SYNC));
}

static void protection(void)
{
	char *p = map(4 * PG, PROT_READ | PROT_WRITE, 0);

	memset(p, 5, 4 * PG);
	try(mprotect(p + PG, PG, PROT_READ));
	touch("read read-only", p + PG, 0);
	touch("write read-only", p + PG, 1);
	try(mprotect(p + 2 * PG, PG, PROT_NONE));
	touch("read none", p + 2 * PG, 0);
	touch("write beside", p + 3 * PG, 1);
	try(mprotect(p, 4 * PG, PROT_READ | PROT_WRITE));
	say("kept: %d %d %d", p[PG], p[2 * PG], p[3 * PG + 1]);
	touch("write again", p + PG, 1);
	touch("null", NULL, 0);
	touch("kernel address", (char *)0xffffffff80200000UL, 0);
	touch("non-canonical", (char *)0x8000000000000000UL, 0);
	try(munmap(p + PG, PG));
	touch("hole", p + PG, 0);
	touch("before the hole", p, 1);
	touch("after the hole", p + 2 * PG, 1);
}

static void execute(void)
{
	static const unsigned char code[] = {0xb8, 0x2a, 0,
					     0,	   0,	 0xc3}; /* mov $42, %eax; ret */
	char *p = map(PG, PROT_READ | PROT_WRITE, 0);
	int (*fn)(void) = (int (*)(void))(void *)p;

	memcpy(p, code, sizeof(code));
	catch_faults();
	if (sigsetjmp(jump, 1))
		say("no exec: signal %d code %d", fault_signal, fault_code);
	else
		say("ran from data: %d", fn());
	mprotect(p, PG, PROT_READ | PROT_EXEC);
	if (sigsetjmp(jump, 1))
		say("exec: signal %d code %d", fault_signal, fault_code);
	else
		say("ran: %d", fn());
}

static void advise(void)
{
	char *p = map(8 * PG, PROT_READ | PROT_WRITE, 0);

	memset(p, 9, 8 * PG);
	try(madvise(p + PG, 2 * PG, MADV_DONTNEED));
	say("%d %d %d %d", p[0], p[PG], p[2 * PG], p[3 * PG]);
	try(madvise(p, 8 * PG, MADV_WILLNEED));
	try(madvise(p, 8 * PG, MADV_DONTDUMP));
	try(madvise(p, 8 * PG, MADV_POPULATE_WRITE));
	try(madvise(p, 0, MADV_DONTNEED));
}

static void remap(void)
{
	char *p = map(4 * PG, PROT_READ | PROT_WRITE, 0), *q;

	memset(p, 3, 4 * PG);
	q = mremap(p, 4 * PG, 2 * PG, 0);
	yes(q == p);
	touch("cut off", p + 2 * PG, 0);
	q = mremap(p, 2 * PG, 16 * PG, MREMAP_MAYMOVE);
	yes(q != MAP_FAILED);
	say("%d %d %d", q[0], q[2 * PG - 1], q[2 * PG]);
	p = map(16 * PG, PROT_READ, 0);
	yes(mremap(q, 16 * PG, 16 * PG, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	say("%d", p[0]);
	touch("old place", q, 0);
	yes(mremap(q, PG, PG, 0) == MAP_FAILED && errno == EFAULT);
	yes(mremap(p, PG, 0, 0) == MAP_FAILED && errno == EINVAL);
	yes(mremap(p + 1, PG, PG, 0) == MAP_FAILED && errno == EINVAL);
}

static void reserve(void)
{
	char *p = map(400UL << 20, PROT_NONE, MAP_NORESERVE);

	yes(p != MAP_FAILED);
	try(mprotect(p + (100UL << 20), PG, PROT_READ | PROT_WRITE));
	touch("committed page", p + (100UL << 20), 1);
	touch("reserved page", p, 0);
	try(munmap(p, 400UL << 20));
	p = map(1UL << 30, PROT_READ | PROT_WRITE, MAP_NORESERVE);
	yes(p != MAP_FAILED);
	p[0] = p[(1UL << 30) - 1] = 1;
	say("ends of 1 GiB written");
	munmap(p, 1UL << 30);
}

static void program_break(void)
{
	char *b = sbrk(0), *c;

	yes(sbrk(3 * PG) == b);
	memset(b, 1, 3 * PG);
	c = sbrk(0);
	yes(c == b + 3 * PG);
	yes(brk(b) == 0);
	yes(sbrk(PG) == b);
	say("fresh again: %d", b[0]);
	yes(syscall(SYS_brk, 0) == (long)(b + PG));
}

static void shared_anonymous(void)
{
	int *p =
		mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *q = (int *)map(PG, PROT_READ | PROT_WRITE, 0);

	*p = *q = 1;
	if (!fork()) {
		*p = *q = 2;
		_exit(0);
	}
	while (*(volatile int *)p == 1)
		usleep(1000);
	say("shared %d private %d", *p, *q);
}

static void big_stack(void)
{
	volatile char a[4 << 20];

	a[0] = 1;
	for (size_t i = sizeof(a); i > 0; i -= 4096)
		a[i - 1] = 1;
	say("4 MiB of stack: %d", a[0]);
}

static void many(void)
{
	char *base = map(2000 * PG, PROT_READ | PROT_WRITE, 0);
	int bad = 0;

	for (int i = 0; i < 2000; i += 2)
		bad += mprotect(base + i * PG, PG, PROT_READ) != 0;
	for (int i = 1; i < 2000; i += 2)
		base[i * PG] = 1;
	for (int i = 0; i < 2000; i += 3)
		bad += munmap(base + i * PG, PG) != 0;
	for (int i = 1; i < 2000; i += 6)
		bad += base[i * PG] != 1;
	bad += munmap(base, 2000 * PG) != 0;
	say("bad %d", bad);
}

ABI_CASES({"anonymous", anonymous}, {"errors", errors}, {"protection", protection},
	  {"execute", execute}, {"advise", advise}, {"remap", remap},
	  {"reserve", reserve}, {"break", program_break}, {"shared", shared_anonymous},
	  {"stack", big_stack}, {"many", many})
