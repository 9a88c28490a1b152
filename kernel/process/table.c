/* SPDX-License-Identifier: MIT */
/* Which processes and threads there are. */
#include <nub/process.h>

#define PID_MAX 32768

struct list process_list = LIST_INIT(process_list);
struct process *init_process;

struct process *process_find(int pid)
{
	struct process *p;

	list_for_each(p, &process_list, link)
		if (p->pid == pid)
			return p;
	return NULL;
}

struct thread *thread_find(int tid)
{
	struct process *p;
	struct thread *t;

	list_for_each(p, &process_list, link)
		list_for_each(t, &p->threads, link)
			if (t->tid == tid)
				return t;
	return NULL;
}

struct process *process_of(int tid)
{
	struct process *p = process_find(tid);
	struct thread *t = p ? NULL : thread_find(tid);

	return t ? t->proc : p;
}

int tid_alloc(void)
{
	static int last;

	do {
		last = last >= PID_MAX ? 2 : last + 1;
	} while (process_find(last) || thread_find(last));
	return last;
}
