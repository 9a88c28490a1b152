/* SPDX-License-Identifier: MIT */
/* nub.trace=hypercalls: prints the hypercalls that programs make, each kind once. */
#ifndef NUB_XEN_CALLTRACE_H
#define NUB_XEN_CALLTRACE_H

#include <nub/types.h>

/* Reads the command line. */
void calltrace_init(void);
/* One call of a program: a string constant, a number that says more, the bytes of its
 * buffers (of a mapping, frames). Calls whose second buffer has about the same size are
 * one kind. A line for each kind, the first time and at every tenfold of that. */
void calltrace_note(const char *what, u32 detail, u64 first, u64 second);

#endif
