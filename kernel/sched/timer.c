/* SPDX-License-Identifier: MIT */
/* Timers: a binary heap by expiry. The platform's one-shot timer follows its top when the
 * kernel is left, not before: most timers are the limits of waits that end early. */
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/platform.h>
#include <nub/sched.h>
#include <nub/slab.h>

static struct timer **heap;
static int count, room, reserved;
u64 timer_next = NEVER, timer_programmed = NEVER;

static void place(int i, struct timer *t)
{
	heap[i] = t;
	t->index = i;
}

static void sift_up(int i, struct timer *t)
{
	while (i > 0 && heap[(i - 1) / 2]->when > t->when) {
		place(i, heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(i, t);
}

static void sift_down(int i, struct timer *t)
{
	for (;;) {
		int c = 2 * i + 1;

		if (c >= count)
			break;
		if (c + 1 < count && heap[c + 1]->when < heap[c]->when)
			c++;
		if (heap[c]->when >= t->when)
			break;
		place(i, heap[c]);
		i = c;
	}
	place(i, t);
}

int timer_reserve(void)
{
	if (reserved == room) {
		int n = room ? room * 2 : 32;
		struct timer **h =
			krealloc(heap, (size_t)room * sizeof(*h), (size_t)n * sizeof(*h));

		if (!h)
			return -ENOMEM;
		heap = h;
		room = n;
	}
	reserved++;
	return 0;
}

void timer_release(void)
{
	reserved--;
}

void timer_program_next(void)
{
	timer_programmed = timer_next;
	platform->timer_program(timer_next);
}

static void set_next(void)
{
	timer_next = count ? heap[0]->when : NEVER;
}

void timer_cancel(struct timer *t)
{
	int i = t->index;
	struct timer *last;

	if (i < 0)
		return;
	t->index = -1;
	last = heap[--count];
	if (last != t) {
		if (i > 0 && heap[(i - 1) / 2]->when > last->when)
			sift_up(i, last);
		else
			sift_down(i, last);
	}
	set_next();
}

void timer_set(struct timer *t, u64 when)
{
	timer_cancel(t);
	t->when = when;
	count++;
	sift_up(count - 1, t);
	set_next();
}

void timer_run(void)
{
	u64 now = clock_now();

	while (count && heap[0]->when <= now) {
		struct timer *t = heap[0];

		timer_cancel(t);
		t->func(t);
	}
}

void timer_interrupt(void)
{
	timer_programmed = NEVER;
	timer_run();
}
