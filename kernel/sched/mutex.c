/* SPDX-License-Identifier: MIT */
/* The slow half of mutexes. The lock passes to the longest waiter, so a loop of short
 * holds cannot starve one. */
#include <nub/mutex.h>
#include <nub/sched.h>

struct mutex_waiter {
	struct waiter waiter; /* woken: the lock is ours */
	struct mutex *mutex;
};

/* Of all mutexes, in order of arrival: there are few at a time. */
static struct waitq waiting = {LIST_INIT(waiting.waiters)};

void mutex_wait(struct mutex *m)
{
	struct mutex_waiter w = {.waiter.thread = current, .mutex = m};

	m->wanted = true;
	waitq_add(&waiting, &w.waiter);
	while (!w.waiter.woken)
		thread_sleep(NEVER, false);
	waitq_remove(&w.waiter);
}

void mutex_hand_over(struct mutex *m)
{
	struct waiter *w, *next = NULL;

	m->wanted = false;
	list_for_each(w, &waiting.waiters, link) {
		if (w->woken || container_of(w, struct mutex_waiter, waiter)->mutex != m)
			continue;
		if (next) {
			m->wanted = true;
			break;
		}
		next = w;
	}
	next->woken = true;
	thread_wake(next->thread);
}
