/* SPDX-License-Identifier: MIT */
/* Exceptions and interrupts: signals for user code, a report for the kernel's own. */
#include <arch/cpu.h>
#include <arch/regs.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/irq.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/report.h>
#include <nub/sched.h>
#include <nub/signal.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/uaccess.h>

struct extable_entry {
	u64 insn, fixup;
};
extern const struct extable_entry extable_start[], extable_end[];

void trap_handle(struct regs *regs);

static const char *const trap_names[32] = {
	"divide error",
	"debug",
	"NMI",
	"breakpoint",
	"overflow",
	"bound range",
	"invalid opcode",
	"device not available",
	"double fault",
	"segment overrun",
	"invalid TSS",
	"segment not present",
	"stack segment",
	"general protection",
	"page fault",
	"trap 15",
	"x87 error",
	"alignment check",
	"machine check",
	"SIMD error",
	"virtualization",
	"control protection",
};

static bool extable_fix(struct regs *regs)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
		if (e->insn == regs->rip) {
			regs->rip = e->fixup;
			return true;
		}
	}
	return false;
}

static void page_fault(struct regs *regs)
{
	u64 addr = read_cr2();
	u64 err = regs->orig_rax;
	enum fault_kind kind = err & PF_FETCH	? FAULT_EXEC
			       : err & PF_WRITE ? FAULT_WRITE
						: FAULT_READ;
	bool user = regs_user(regs);
	int r = -EFAULT;

	if (!user && addr >= USER_TOP) {
		if (extable_fix(regs))
			return;
		panic_regs(regs, "kernel page fault at %#lx (error %#lx)", addr, err);
	}
	if (!user && kind == FAULT_EXEC)
		panic_regs(regs, "kernel jumped to user address %#lx", addr);
	if (addr < USER_TOP && current && current->proc && current->proc->mm)
		do /* of the root's disk; the kernel cannot sleep here */
			r = mm_fault(current->proc->mm, addr, kind);
		while (r == -EAGAIN && !user);
	if (r == 0)
		return;
	if (!user) {
		if (extable_fix(regs))
			return;
		panic_regs(regs, "kernel page fault at %#lx (error %#lx)", addr, err);
	}
	if (mm_fault_again(r))
		return;
	switch (r) {
	case -ENOMEM:
		out_of_memory();
		break;
	case -ENXIO:
		signal_fault(SIGBUS, BUS_ADRERR, addr);
		break;
	case -EACCES:
		signal_fault(SIGSEGV, SEGV_ACCERR, addr);
		break;
	default:
		signal_fault(SIGSEGV, SEGV_MAPERR, addr);
		break;
	}
}

static void user_exception(struct regs *regs)
{
	switch (regs->vector) {
	case EXC_DIVIDE:
		signal_fault(SIGFPE, FPE_INTDIV, regs->rip);
		break;
	case EXC_DEBUG:
		signal_fault(SIGTRAP, TRAP_BRKPT, regs->rip);
		break;
	case EXC_BREAKPOINT:
		signal_fault(SIGTRAP, SI_KERNEL, 0);
		break;
	case EXC_OPCODE:
		signal_fault(SIGILL, ILL_ILLOPN, regs->rip);
		break;
	case EXC_NO_SEGMENT:
	case EXC_STACK:
		signal_fault(SIGBUS, SI_KERNEL, 0);
		break;
	case EXC_X87:
	case EXC_SIMD:
		signal_fault(SIGFPE, FPE_CONDTRAP, regs->rip);
		break;
	case EXC_ALIGNMENT:
		signal_fault(SIGBUS, BUS_ADRALN, 0);
		break;
	default:
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		break;
	}
}

static void exception(struct regs *regs)
{
	if (regs->vector == EXC_PAGE_FAULT) {
		page_fault(regs);
		return;
	}
	if (regs->vector != EXC_DOUBLE_FAULT && regs->vector != EXC_MACHINE_CHECK) {
		if (regs_user(regs)) {
			user_exception(regs);
			return;
		}
		if (extable_fix(regs))
			return;
	}
	if (regs->vector == EXC_DOUBLE_FAULT && current &&
	    read_cr2() < (u64)current->kstack &&
	    read_cr2() >= (u64)current->kstack - PAGE_SIZE)
		panic_regs(regs, "kernel stack overflow in %s", current->comm);
	panic_regs(regs, "%s (error %#lx)", trap_names[regs->vector], regs->orig_rax);
}

void return_to_user(struct regs *regs)
{
	struct thread *t = current;

	if (unlikely(return_work) && !--return_work)
		platform->return_work();
	for (;;) {
		if (need_resched || (unlikely(smp_on) && !(t->cpus >> cpu_self & 1))) {
			schedule();
			continue;
		}
		if (t->die || t->sig.restore_mask || signal_pending(t)) {
			signal_deliver(regs);
			continue;
		}
		/* A program's entry point or a handler's address.  IRET to one that is
		 * not canonical would fault in ring 0. */
		if (regs->rip >= USER_TOP) {
			signal_fault(SIGSEGV, SI_KERNEL, 0);
			continue;
		}
		break;
	}
	t->syscall = NULL;
	timer_arm();
	t->sys_tsc += rdtsc() - t->kernel_tsc;
	if (unlikely(smp_on))
		biglock_drop(); /* from here on, only data on this stack */
}

void trap_handle(struct regs *regs)
{
	bool entered;

	if (regs->vector == EXC_NMI) {
		printk("nub: NMI at %#lx ignored\n", regs->rip);
		return;
	}
	/* From user mode or idle; a broken machine is reported at once. */
	entered = unlikely(smp_on) && regs->vector != EXC_DOUBLE_FAULT &&
		  regs->vector != EXC_MACHINE_CHECK && !biglock_held();
	if (entered)
		biglock_take();
	if (regs_user(regs))
		current->kernel_tsc = rdtsc();
	if (regs->vector >= VECTOR_FIRST) {
		in_irq = true;
		irq_dispatch((unsigned)regs->vector);
		in_irq = false;
	} else {
		exception(regs);
	}
	if (regs_user(regs))
		return_to_user(regs);
	else if (entered)
		biglock_drop();
}
