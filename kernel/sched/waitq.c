/* SPDX-License-Identifier: MIT */
/* Wait queues. */
#include <nub/sched.h>

void waitq_add(struct waitq *q, struct waiter *w)
{
	w->woken = false;
	list_add_tail(&q->waiters, &w->link);
}

void waitq_remove(struct waiter *w)
{
	list_del(&w->link);
}

void waitq_wake(struct waitq *q, unsigned events)
{
	struct waiter *w, *next;
	bool taken = false;

	list_for_each_safe(w, next, &q->waiters, link) {
		if (w->exclusive && taken)
			continue;
		w->woken = true;
		if (w->func)
			taken |= w->func(w, events) && w->exclusive;
		else
			thread_wake(w->thread);
	}
}

void waitq_wake_one(struct waitq *q)
{
	struct waiter *w;

	list_for_each(w, &q->waiters, link) {
		if (w->woken)
			continue;
		w->woken = true;
		thread_wake(w->thread);
		return;
	}
}

static int sleep_on(struct waitq *q, u64 deadline, bool interruptible)
{
	struct waiter w = {.thread = current};
	int r;

	waitq_add(q, &w);
	r = thread_sleep(deadline, interruptible);
	waitq_remove(&w);
	return w.woken ? 0 : r;
}

int waitq_sleep(struct waitq *q, u64 deadline)
{
	return sleep_on(q, deadline, true);
}

int waitq_sleep_hard(struct waitq *q, u64 deadline)
{
	return sleep_on(q, deadline, false);
}
