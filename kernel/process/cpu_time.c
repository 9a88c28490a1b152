/* SPDX-License-Identifier: MIT */
/* The CPU time of threads and processes. */
#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/process.h>

struct cpu_time thread_cpu_time(const struct thread *t)
{
	struct cpu_time r = {t->run_ns, 0};
	u64 sys = t->sys_tsc;

	if (thread_running(t))
		r.ns += clock_now() - t->run_start;
	if (t == current)
		sys += rdtsc() - t->kernel_tsc;
	r.sys_ns = MIN(clock_span(sys), r.ns);
	return r;
}

void cpu_time_add(struct cpu_time *to, struct cpu_time more)
{
	to->ns += more.ns;
	to->sys_ns += more.sys_ns;
}

struct cpu_time process_cpu_time(const struct process *p)
{
	struct cpu_time r = p->dead_time;
	struct thread *t;

	list_for_each(t, &p->threads, link)
		cpu_time_add(&r, thread_cpu_time(t));
	return r;
}
