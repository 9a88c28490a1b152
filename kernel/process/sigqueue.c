/* SPDX-License-Identifier: MIT */
/* Signals that wait: the queues of threads and processes, and how long they may be. */
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/signal.h>
#include <nub/slab.h>

#include <linux/resource.h>

/* The thread itself causes these: they come first. */
#define SYNCHRONOUS                                                                      \
	(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) |           \
	 SIGBIT(SIGFPE) | SIGBIT(SIGSYS))

void sigpending_init(struct sigpending *p)
{
	p->set = 0;
	list_init(&p->queue);
}

/* Of all processes together: they all belong to one user. */
static u64 reserved;

bool signal_reserve(const struct process *proc)
{
	if (reserved >= process_limit(proc, RLIMIT_SIGPENDING))
		return false;
	reserved++;
	return true;
}

void signal_unreserve(void)
{
	reserved--;
}

static void entry_done(struct sigqueue *q, struct ksiginfo *info)
{
	list_del(&q->link);
	if (q->taken) {
		q->taken(q, info);
	} else {
		signal_unreserve();
		kfree(q);
	}
}

void sigpending_flush(struct sigpending *p, u64 set)
{
	struct sigqueue *q, *next;

	list_for_each_safe(q, next, &p->queue, link)
		if (set & SIGBIT(q->info.signo))
			entry_done(q, NULL);
	p->set &= ~set;
}

void signal_withdraw(struct sigpending *p, struct sigqueue *q)
{
	struct sigqueue *other;

	list_del(&q->link);
	list_for_each(other, &p->queue, link)
		if (other->info.signo == q->info.signo)
			return;
	p->set &= ~SIGBIT(q->info.signo);
}

int sigpending_add(struct sigpending *p, const struct process *proc, int signo,
		   const struct ksiginfo *info)
{
	bool old = signo < SIGRTMIN;
	struct sigqueue *q = NULL;

	if (old && p->set & SIGBIT(signo))
		return 0;
	if (signal_reserve(proc)) {
		q = kmalloc(sizeof(*q));
		if (!q)
			signal_unreserve();
	} else if (old && (!info || info->code >= 0)) {
		q = kmalloc(sizeof(*q));
		reserved += q != NULL;
	}
	if (!q && !old && info && info->code != SI_USER)
		return -EAGAIN;
	if (q) {
		if (info)
			q->info = *info;
		else
			q->info = (struct ksiginfo){.code = SI_KERNEL};
		q->info.signo = signo;
		q->taken = NULL;
		list_add_tail(&p->queue, &q->link);
	}
	p->set |= SIGBIT(signo);
	return 0;
}

int sigpending_take(struct sigpending *p, u64 set, struct ksiginfo *info)
{
	u64 ready = p->set & set;
	struct sigqueue *q, *next;
	int signo;
	bool found = false, more = false;

	if (!ready)
		return 0;
	if (ready & SYNCHRONOUS)
		ready &= SYNCHRONOUS;
	signo = __builtin_ctzll(ready) + 1;
	*info = (struct ksiginfo){.signo = signo};
	list_for_each_safe(q, next, &p->queue, link) {
		if (q->info.signo != signo)
			continue;
		if (found) {
			more = true;
			break;
		}
		*info = q->info;
		entry_done(q, info);
		found = true;
	}
	if (!more)
		p->set &= ~SIGBIT(signo);
	return signo;
}
