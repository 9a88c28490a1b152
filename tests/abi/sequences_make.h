/* SPDX-License-Identifier: MIT */
/* Inside abi-sequences: what arguments are made of. */
#ifndef ABI_SEQUENCES_MAKE_H
#define ABI_SEQUENCES_MAKE_H

#include "sequences.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096UL

static inline unsigned long below(unsigned long *s, unsigned long n)
{
	return sequence_random(s) % n;
}

static inline int one_in(unsigned long *s, unsigned long n)
{
	return below(s, n) == 0;
}

/* A word of a list with spaces. */
int is_one_of(const char *name, const char *list);
/* Of that kind, if the pool has one; 0: of any. */
int any_fd(unsigned long *s, char kind);
/* A number at an edge; bytes; an address, mostly of `room` bytes in the arena. */
unsigned long odd(unsigned long *s);
unsigned long length(unsigned long *s);
unsigned long place(unsigned long *s, unsigned long room);

/* --- structures in the arena: sequences_structs.c --- */

/* Room for one.  A page of it may be gone: the handler of SIGSEGV brings it back. */
void *room_for(unsigned long *s, unsigned long size);
unsigned long make_path(const struct sequence_call *c, unsigned long *s);
unsigned long make_times(unsigned long *s);
unsigned long make_robust(unsigned long *s);
unsigned long make_words(unsigned long *s);
unsigned long make_ifreq(unsigned long *s);
/* For an argument of that name. */
unsigned long make_pointer(const struct sequence_call *c, const char *arg,
			   unsigned long *s);

#endif
