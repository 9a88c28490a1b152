/* SPDX-License-Identifier: MIT */
/* State of the CPU that runs in the kernel, and so of the holder of its lock.  The other
 * CPUs' state from when they let it go. */
#include <nub/platform.h>
#include <nub/sched.h>
#include <nub/smp.h>

struct thread *current;
bool need_resched;
struct thread *dead_thread;
u8 return_work;

struct cpu_state cpus[CPUS_MAX];
u8 smp_on;
unsigned cpu_self, smp_count = 1;
u64 kernel_tlb;
