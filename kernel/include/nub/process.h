/* SPDX-License-Identifier: MIT */
/* Processes: address space, descriptors, signals, children. */
#ifndef NUB_PROCESS_H
#define NUB_PROCESS_H

#include <nub/list.h>
#include <nub/sched.h>
#include <nub/signal.h>
#include <nub/types.h>

#include <linux/resource.h>

struct mm;
struct fdtable;
struct dent;

/* Signal handlers, shared by CLONE_SIGHAND. */
struct sighand {
	int refs;
	struct ksigaction action[NSIG];
};

/* Working directory and umask, shared by CLONE_FS. */
struct fsinfo {
	int refs;
	struct dent *cwd;
	u32 umask;
};

/* CPU time in ns: all of it, and how much of that in the kernel. */
struct cpu_time {
	u64 ns, sys_ns;
};

struct limit {
	u64 soft, hard; /* RLIM_INFINITY: none */
};

#define OOM_ADJ_MAX 1000

struct process {
	struct list link; /* all processes */
	struct list threads;
	int nthreads;
	int pid, pgid, sid;
	struct process *parent;
	struct list children, sibling;
	struct mm *mm;
	struct fsinfo *fs;
	struct sighand *sighand;
	struct sigpending pending; /* for any thread */
	struct waitq child_wait;   /* parent waits here */
	struct waitq sig_wait;	   /* signalfd, sigtimedwait */
	int exit_signal;	   /* to the parent, 0: none */
	int exit_status;	   /* wait(2) encoding */
	bool exiting, zombie;
	struct dent *exe;
	struct timer itimer; /* ITIMER_REAL */
	u64 itimer_interval;
	struct list ptimers; /* timer_create */
	int ptimer_next;
	char *cmdline; /* argv, NUL separated */
	size_t cmdline_len;
	struct cpu_time child_time; /* of reaped children */
	struct cpu_time dead_time;  /* of ended threads */
	char comm[16];		    /* of the last thread, once it has ended */
	u64 start_ns;
	bool dumpable, keep_caps;
	bool subreaper;	   /* orphans of its descendants become its children */
	u8 death_signal;   /* when the parent ends, 0: none */
	s32 oom_score_adj; /* -OOM_ADJ_MAX (never) to OOM_ADJ_MAX */
	bool execed;	   /* since its parent made it */
	struct limit limits[RLIM_NLIMITS];
};

extern const struct limit limits_default[RLIM_NLIMITS];
extern struct list process_list;
extern struct process *init_process;

/* --- who there is (process/table.c) --- */
struct process *process_find(int pid);
struct thread *thread_find(int tid);
/* The process that has this thread, leader or not: the meaning of a pid for most
 * calls. */
struct process *process_of(int tid);
/* A number that no process and no thread has. */
int tid_alloc(void);

/* --- what it is made of (process/parts.c) --- */
/* A copy with one reference, or NULL. From NULL: all defaults. `clear`: handlers become
 * defaults, what is ignored stays so. */
struct sighand *sighand_copy(const struct sighand *from, bool clear);
void sighand_put(struct sighand *s); /* NULL: nothing */
struct fsinfo *fsinfo_copy(const struct fsinfo *from);
void fsinfo_put(struct fsinfo *fs); /* NULL: nothing */
/* The file that it runs, which nobody may write to meanwhile; NULL: nothing any more. */
void process_set_program(struct process *p, struct dent *exe);

/* --- its life --- */
/* The process of pid 1: runs `path` with the argv and envp given. */
int process_start_init(const char *path, char *const argv[], char *const envp[]);
/* Ends the calling thread; with the last one, the process. */
void process_exit_thread(int code) __noreturn;
/* Ends all threads of the current process. status in wait(2) encoding. */
void process_exit_group(int status) __noreturn;
/* Leaves the other threads of the current process behind (exec). 0 or -ERESTARTSYS. */
int process_kill_others(void);
/* Ends another process, at each thread's next way to user mode. */
void process_kill(struct process *p, int status);
/* A fault of user code found no memory: some process ends, so that PID 1 can still say
 * what happened. It may sleep, for another's memory; the fault is then tried again. */
void out_of_memory(void);
/* Its address space is its own from here on: a waiter in vfork goes on. */
void vfork_done(struct thread *t);

/* --- its time (process/cpu_time.c) --- */
void cpu_time_add(struct cpu_time *to, struct cpu_time more);
struct cpu_time thread_cpu_time(const struct thread *t);
struct cpu_time process_cpu_time(const struct process *p);
static inline u64 process_cpu_ns(const struct process *p)
{
	return process_cpu_time(p).ns;
}
/* A signal that is not blocked, or its own end, waits for the thread. */
static inline bool signal_pending(const struct thread *t)
{
	if (t->die)
		return true;
	return t->proc && (t->sig.pending.set | t->proc->pending.set) & ~t->sig.mask;
}
static inline u64 process_limit(const struct process *p, int resource)
{
	return p->limits[resource].soft;
}
/* SIGALRM of ITIMER_REAL has been taken: on with the next period. */
void itimer_taken(struct process *p);
void itimer_expired(struct timer *t);
void ptimers_delete_all(struct process *p);

#endif
