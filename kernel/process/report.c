/* SPDX-License-Identifier: MIT */
/* The users of memory, on the console. */
#include <nub/clock.h>
#include <nub/cmdline.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/report.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/string.h>

#define FIRST_SECONDS 10
#define EVERY_MAX 86400u

static struct timer timer;
static u64 every; /* 0: once */

void report_memory(void)
{
	const struct page_stats *s = &page_stats;

	printk("nub: memory in KiB: kernel %lu (image and frame table %lu, page tables %lu, "
	       "heap %lu, stacks %lu), programs %lu, files %lu, ramdisk %lu, free %lu (least %lu, "
	       "files dropped %lu times)\n",
	       page_kernel_own() * 4, s->image * 4, s->tables * 4, s->slab * 4,
	       s->stacks * 4, s->anon * 4, s->cache * 4, s->ramdisk * 4, s->free * 4,
	       s->least * 4, s->reclaims);
}

void report_memory_all(void)
{
	struct process *p;

	report_memory();
	list_for_each(p, &process_list, link) {
		if (!p->mm || list_empty(&p->threads))
			continue;
		printk("nub:   process %d (%s): %lu KiB resident, %d threads\n", p->pid,
		       list_first(&p->threads, struct thread, link)->comm, p->mm->rss * 4,
		       p->nthreads);
	}
	slab_report();
}

static void timer_due(struct timer *t)
{
	report_memory();
	if (every)
		timer_set(t, clock_now() + every * NS_PER_SEC);
}

void report_init(void)
{
	char value[16];

	if (cmdline_option("nub.report", value, sizeof(value)))
		every = MIN(strtou64(value, NULL), EVERY_MAX);
	timer_init(&timer, timer_due);
	if (!timer_reserve())
		timer_set(&timer,
			  clock_now() + (every ? every : FIRST_SECONDS) * NS_PER_SEC);
}
