/* SPDX-License-Identifier: MIT */
/* Signals: state, sending, delivery. */
#ifndef NUB_SIGNAL_H
#define NUB_SIGNAL_H

#include <nub/list.h>
#include <nub/types.h>

struct thread;
struct process;
struct regs;

#define NSIG 64
#define SIGBIT(n) (1ULL << ((n) - 1))

enum {
	SIGHUP = 1,
	SIGINT,
	SIGQUIT,
	SIGILL,
	SIGTRAP,
	SIGABRT,
	SIGBUS,
	SIGFPE,
	SIGKILL,
	SIGUSR1,
	SIGSEGV,
	SIGUSR2,
	SIGPIPE,
	SIGALRM,
	SIGTERM,
	SIGSTKFLT,
	SIGCHLD,
	SIGCONT,
	SIGSTOP,
	SIGTSTP,
	SIGTTIN,
	SIGTTOU,
	SIGURG,
	SIGXCPU,
	SIGXFSZ,
	SIGVTALRM,
	SIGPROF,
	SIGWINCH,
	SIGIO,
	SIGPWR,
	SIGSYS,
};

/* si_code (Linux, asm-generic/siginfo.h). */
enum {
	SI_KERNEL = 0x80,
	ILL_ILLOPN = 2,
	FPE_INTDIV = 1,
	FPE_CONDTRAP = 8,
	SEGV_MAPERR = 1,
	SEGV_ACCERR = 2,
	BUS_ADRALN = 1,
	BUS_ADRERR = 2,
	TRAP_BRKPT = 1,
	CLD_EXITED = 1,
	CLD_KILLED = 2,
};

/* Nobody can block, ignore or handle these. */
#define SIG_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define SIGRTMIN 32
#define SIG_DFL 0UL
#define SIG_IGN 1UL

/* sigprocmask(2) */
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

/* sigaltstack(2) */
#define SS_ONSTACK 1u
#define SS_DISABLE 2u
#define SS_AUTODISARM (1u << 31)

#define SA_NOCLDSTOP 1u
#define SA_NOCLDWAIT 2u
#define SA_SIGINFO 4u
#define SA_RESTORER 0x04000000u
#define SA_ONSTACK 0x08000000u
#define SA_RESTART 0x10000000u
#define SA_NODEFER 0x40000000u
#define SA_RESETHAND 0x80000000u
#define SA_KNOWN                                                                         \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTORER | SA_ONSTACK |           \
	 SA_RESTART | SA_NODEFER | SA_RESETHAND)

struct ksigaction {
	u64 handler, flags, restorer, mask;
};

/* si_code */
#define SI_USER 0
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_TKILL (-6)

/* Linux's siginfo_t. */
struct ksiginfo {
	s32 signo, err, code, pad0;
	union {
		u8 pad[112];
		struct {
			s32 pid;
			u32 uid;
			u64 value;
		} rt;
		struct {
			s32 pid;
			u32 uid;
			s32 status;
			s32 pad;
			s64 utime, stime;
		} chld;
		struct {
			s32 tid, overrun;
			u64 value;
			s32 priv;
		} timer;
		struct {
			u64 addr;
			s16 lsb;
		} fault;
		struct {
			s64 band;
			s32 fd;
		} poll;
	};
};
_Static_assert(sizeof(struct ksiginfo) == 128, "siginfo_t");

struct sigqueue {
	struct list link;
	struct ksiginfo info;
	/* Taken off the queue to be delivered (`info` may still be completed) or, with
	 * info NULL, thrown away. NULL: the entry is sigqueue.c's own, made for one signal. */
	void (*taken)(struct sigqueue *q, struct ksiginfo *info);
};

struct sigpending {
	u64 set;
	struct list queue; /* struct sigqueue */
};

/* Per thread. */
struct sigstate {
	struct sigpending pending;
	u64 mask;
	u64 saved_mask; /* to restore after sigsuspend and the like */
	bool restore_mask;
	u64 wait_set; /* sigtimedwait waits for these although blocked */
	u64 alt_sp, alt_size;
	u32 alt_flags;
};

static inline void signal_set_mask(struct sigstate *s, u64 mask)
{
	s->mask = mask & ~SIG_UNBLOCKABLE;
}

/* --- signals that wait (process/sigqueue.c) --- */
void sigpending_init(struct sigpending *p);
void sigpending_flush(struct sigpending *p, u64 set);
/* One more for proc or a thread of it. Without room a signal of the old kind loses its info.
 * Of the new kind, only signals from kill(2) and from the kernel do; the others are refused:
 * 0 or -EAGAIN. */
int sigpending_add(struct sigpending *p, const struct process *proc, int signo,
		   const struct ksiginfo *info);
/* Takes the next one in `set`; 0: none. */
int sigpending_take(struct sigpending *p, u64 set, struct ksiginfo *info);
/* Takes a caller's entry (signal_send_entry) back before it is delivered. */
void signal_withdraw(struct sigpending *p, struct sigqueue *q);
/* Counts one more queued signal, or a timer that may queue one; false: the limit of proc
 * is reached. */
bool signal_reserve(const struct process *proc);
void signal_unreserve(void);

/* To a thread, or (t == NULL) to any thread of proc. info NULL: from the kernel. 0, or
 * -EAGAIN: a queued signal that is beyond RLIMIT_SIGPENDING. */
int signal_send(struct process *proc, struct thread *t, int signo,
		const struct ksiginfo *info);
/* The same with the caller's own entry, which must not be queued. False: the signal is
 * ignored, or the process is gone. */
bool signal_send_entry(struct process *proc, struct thread *t, struct sigqueue *q);
/* A fault of the current thread: cannot be blocked or ignored. */
void signal_fault(int signo, int code, u64 addr);
/* Takes the next pending signal in `set` off the current thread; 0: none. */
int signal_dequeue(struct thread *t, u64 set, struct ksiginfo *info);
/* Installs the mask of p-calls until the return to user mode; mask NULL: nothing. */
int sigmask_temporary(const void *mask, u64 size);
/* Before the return to user mode: delivers, restarts, or ends the thread. */
void signal_deliver(struct regs *regs);
/* arch: builds / undoes the frame. */
int signal_setup_frame(struct regs *regs, int signo, const struct ksigaction *act,
		       const struct ksiginfo *info, u64 mask);
/* -EFAULT: the frame is damaged, and the thread cannot go on. */
int signal_return(struct regs *regs);

#endif
