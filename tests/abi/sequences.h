/* SPDX-License-Identifier: MIT */
/* Sequences of system calls with arguments that mean something, for nub: the tables of calls
 * and ioctls, made from the kernel's, and the arguments.  The tables are compiled with the
 * kernel's headers, so nothing here is a type of theirs. */
#ifndef ABI_SEQUENCES_H
#define ABI_SEQUENCES_H

struct sequence_arg {
	const char *name;
	char type; /* d int, x uint, X u64, l s64, p ptr, c cptr, s str, f u32p */
	/* Known from the table: one of the values, and any of the bits. */
	unsigned n_values, n_bits;
	unsigned long values[40], bits[40];
};

struct sequence_call {
	const char *name;
	int nr;
	unsigned n_args;
	struct sequence_arg args[6];
};

extern const struct sequence_call sequence_calls[];
extern const unsigned sequence_count;

/* --- sequences_args.c, _pool.c, _structs.c; all of it without the C library's thread pointer --- */

enum { ARENA_PAGES = 64, POOL = 48 };

/* Shared by the threads of a child; races are wanted. */
struct sequence_pool {
	int fds[POOL];
	char kinds[POOL]; /* 0: no descriptor; the letters are in sequences_pool.c */
	int pids[8];
	int timers[4];
};

extern struct sequence_pool pool;
extern char *arena; /* ARENA_PAGES pages, the last not accessible */

unsigned long sequence_random(unsigned long *state);
/* Opens one thing of each kind. */
void sequence_open(void);
void sequence_keep(int fd, char kind);
/* A handler that does nothing; after SIGSEGV in the arena the arena is there again. */
void sequence_handle(int sig);
/* Makes the call's arguments, its structures in the arena. */
void sequence_arguments(const struct sequence_call *call, unsigned long *state,
			unsigned long args[6]);
/* Takes what the call has made into the pool. */
void sequence_result(const struct sequence_call *call, const unsigned long args[6],
		     long result);

static inline long sequence_raw(long nr, unsigned long a, unsigned long b,
				unsigned long c, unsigned long d, unsigned long e,
				unsigned long f)
{
	register unsigned long r10 __asm__("r10") = d;
	register unsigned long r8 __asm__("r8") = e;
	register unsigned long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif
