/* SPDX-License-Identifier: MIT */
/* Futexes. */
#ifndef NUB_FUTEX_H
#define NUB_FUTEX_H

#include <nub/types.h>

struct thread;

int futex_wake_addr(u32 __user *addr, int count, u32 bitset, bool shared);
/* Walks the robust list of an exiting thread. */
void futex_exit_robust(struct thread *t);

#endif
