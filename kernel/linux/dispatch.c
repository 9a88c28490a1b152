/* SPDX-License-Identifier: MIT */
/* From the entry code to the call and back. */
#include <arch/cpu.h>
#include <arch/regs.h>
#include <nub/cmdline.h>
#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/proc.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/smp.h>
#include <nub/syscall.h>
#include <nub/uaccess.h>

bool syscall_handle(struct regs *regs);

static u64 syscall_counts[SYSCALL_MAX];
static u64 logged[(SYSCALL_MAX + 63) / 64];

static void gen_syscalls(struct text *t, struct process *p, const struct thread *m)
{
	for (int nr = 0; nr < SYSCALL_MAX; nr++)
		if (syscall_counts[nr])
			proc_emit(t, "%s %lu\n", syscall_name(nr), syscall_counts[nr]);
}

void syscall_init(void)
{
	proc_text_add("syscalls", gen_syscalls);
	syscall_tracing = cmdline_has_word("nub.trace", "syscalls");
}

static long missing(u64 nr)
{
	if (nr >= SYSCALL_MAX) {
		printk_once("nub: %s: system call %lu is not known\n", current->comm, nr);
	} else if (!(logged[nr / 64] >> (nr % 64) & 1)) {
		logged[nr / 64] |= 1ULL << (nr % 64);
		printk("nub: %s: system call %lu is not there\n", current->comm, nr);
	}
	return -ENOSYS;
}

static long dispatch(u64 nr, const struct regs *regs)
{
	long r;

	if (unlikely(nr >= SYSCALL_MAX || !syscall_table[nr].fn)) {
		if (syscall_tracing)
			syscall_trace_enter((int)nr, regs);
		return missing(nr);
	}
	current->syscall = syscall_table[nr].name;
	syscall_counts[nr]++;
	if (likely(!syscall_tracing))
		return syscall_table[nr].fn(regs);
	syscall_trace_enter((int)nr, regs);
	r = syscall_table[nr].fn(regs);
	syscall_trace_exit((int)nr, r);
	return r;
}

/* True: the frame is such that SYSRET can return to it. */
bool syscall_handle(struct regs *regs)
{
	u64 nr = regs->rax;

	if (unlikely(smp_on))
		biglock_take();
	current->kernel_tsc = rdtsc();
	regs->rax = (u64)dispatch(nr, regs);
	return_to_user(regs);
	/* SYSRET to a non-canonical address would fault in ring 0 on Intel. */
	return regs->rip == regs->rcx && regs->rflags == regs->r11 &&
	       regs->rip < USER_TOP && regs->cs == USER_CS && regs->ss == USER_DS &&
	       !(regs->rflags & (RFLAGS_TF | RFLAGS_RF));
}
