/* SPDX-License-Identifier: MIT */
/* State of the CPU that runs in the kernel, and so of the holder of its lock. */
#include <nub/platform.h>
#include <nub/sched.h>

struct thread *current;
bool need_resched;
struct thread *dead_thread;
u8 return_work;
