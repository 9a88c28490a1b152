/* SPDX-License-Identifier: MIT */
/* Out of memory: chooses the process that ends. */
#include <nub/clock.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/report.h>
#include <nub/string.h>
#include <nub/vfs.h>

/* The number and the length of a program's waits for the memory of another that ends. */
#define WAITS 100u
#define WAIT_NS 10000000ULL
#define TABLE_ENTRIES 512 /* pages that one page of a page table maps */

static u64 queued(const struct sigpending *p)
{
	const struct sigqueue *q;
	u64 n = 0;

	list_for_each(q, &p->queue, link)
		n += q->taken ? 0 : sizeof(*q);
	return n;
}

/* The memory that ends with the process, in pages: its own, and the kernel's for it. A
 * page of several processes counts for each. */
static u64 process_pages(const struct process *p)
{
	const struct fdtable *last = NULL;
	const struct thread *t;
	u64 bytes = queued(&p->pending);

	list_for_each(t, &p->threads, link) {
		bytes += KSTACK_SIZE + 2 * PAGE_SIZE + queued(&t->sig.pending);
		if (t->files && t->files != last)
			bytes += fdtable_held(t->files);
		last = t->files;
	}
	bytes += p->mm->room * sizeof(*p->mm->vmas) + p->mm->count * sizeof(struct vma);
	return p->mm->rss + p->mm->rss / TABLE_ENTRIES + bytes / PAGE_SIZE;
}

/* PID 1 only when it is alone; oom_score_adj is in thousandths of all memory. */
static struct process *choose(void)
{
	struct process *p, *found = init_process;
	s64 most = 0;

	list_for_each(p, &process_list, link) {
		s64 points;

		if (p == init_process || !p->mm || p->oom_score_adj == -OOM_ADJ_MAX)
			continue;
		points = (s64)process_pages(p) +
			 p->oom_score_adj * (s64)page_stats.total / OOM_ADJ_MAX;
		if (found != init_process && points <= most)
			continue;
		found = p;
		most = points;
	}
	return found;
}

static void tell(const struct process *p)
{
	static bool told;
	char line[100];

	snprintf(line, sizeof(line),
		 "out of memory, process %d ended; give the stub domain more (memory=)",
		 p->pid);
	printk("nub: out of memory: process %d ends\n", p->pid);
	report_memory_all();
	if (!told && platform->report)
		platform->report(line);
	told = true;
}

void out_of_memory(void)
{
	struct process *victim = choose();

	if (victim != current->proc && current->oom_waits < WAITS) {
		if (!victim->exiting) {
			tell(victim);
			process_kill(victim, SIGKILL);
		}
		current->oom_waits++;
		thread_sleep(clock_now() + WAIT_NS, false);
		return;
	}
	tell(current->proc);
	signal_fault(SIGKILL, 0, 0);
}
