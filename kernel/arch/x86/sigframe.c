/* SPDX-License-Identifier: MIT */
/* Signal frames in Linux's x86-64 layout (rt_sigframe). */
#include <arch/cpu.h>
#include <arch/regs.h>
#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/signal.h>
#include <nub/string.h>
#include <nub/uaccess.h>

#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u
#define SW_RESERVED 464 /* offset in the FXSAVE image */

struct sigcontext64 {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp,
		rip, eflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};
_Static_assert(sizeof(struct sigcontext64) == 256, "sigcontext");

struct sigframe {
	u64 restorer;
	u64 flags, link;
	u64 stack_sp;
	u32 stack_flags, pad;
	u64 stack_size;
	struct sigcontext64 sc;
	u64 sigmask;
	struct ksiginfo info;
};

struct sw_bytes {
	u32 magic1, extended_size;
	u64 xfeatures;
	u32 xstate_size, pad[7];
};

static bool on_altstack(const struct sigstate *s, u64 sp)
{
	if (s->alt_flags & SS_AUTODISARM)
		return false;
	return !(s->alt_flags & SS_DISABLE) && sp > s->alt_sp &&
	       sp - s->alt_sp <= s->alt_size;
}

static int put_fpu(u64 at)
{
	struct sw_bytes sw = {0};
	u32 magic2 = FP_XSTATE_MAGIC2;
	size_t size = fpu_size();

	fpu_save(current->fpu);
	if (cpu.xsave) {
		sw.magic1 = FP_XSTATE_MAGIC1;
		sw.extended_size = (u32)size + 4;
		sw.xfeatures = cpu.xcr0;
		sw.xstate_size = (u32)size;
	}
	memcpy((u8 *)current->fpu + SW_RESERVED, &sw, sizeof(sw));
	if (copy_to_user((void *)at, current->fpu, size))
		return -EFAULT;
	if (cpu.xsave && copy_to_user((void *)(at + size), &magic2, 4))
		return -EFAULT;
	return 0;
}

int signal_setup_frame(struct regs *regs, int signo, const struct ksigaction *act,
		       const struct ksiginfo *info, u64 mask)
{
	struct thread *t = current;
	struct sigstate *s = &t->sig;
	u64 sp = regs->rsp - 128, fp;
	struct sigframe f = {0};

	if (act->flags & SA_ONSTACK && !(s->alt_flags & SS_DISABLE) &&
	    !on_altstack(s, regs->rsp))
		sp = s->alt_sp + s->alt_size;
	fp = ALIGN_DOWN(sp - fpu_size() - 4, 64UL);
	sp = ALIGN_DOWN(fp - sizeof(f), 16UL) - 8;
	if (on_altstack(s, regs->rsp) && sp < s->alt_sp)
		return -EFAULT;
	if (!(act->flags & SA_RESTORER))
		return -EFAULT;

	f.restorer = act->restorer;
	f.flags =
		UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (cpu.xsave ? UC_FP_XSTATE : 0);
	f.stack_sp = s->alt_sp;
	f.stack_size = s->alt_size;
	f.stack_flags = s->alt_flags & SS_DISABLE
				? SS_DISABLE
				: s->alt_flags | on_altstack(s, regs->rsp);
	f.sc = (struct sigcontext64){
		regs->r8,
		regs->r9,
		regs->r10,
		regs->r11,
		regs->r12,
		regs->r13,
		regs->r14,
		regs->r15,
		regs->rdi,
		regs->rsi,
		regs->rbp,
		regs->rbx,
		regs->rdx,
		regs->rax,
		regs->rcx,
		regs->rsp,
		regs->rip,
		regs->rflags,
		.cs = (u16)regs->cs,
		.ss = (u16)regs->ss,
		.err = regs->vector == VECTOR_SYSCALL ? 0 : regs->orig_rax,
		.trapno = regs->vector == VECTOR_SYSCALL ? 0 : regs->vector,
		.oldmask = mask,
		.cr2 = regs->vector == EXC_PAGE_FAULT ? read_cr2() : 0,
		.fpstate = fp,
	};
	f.sigmask = mask;
	f.info = *info;
	if (put_fpu(fp) || copy_to_user((void *)sp, &f, sizeof(f)))
		return -EFAULT;
	if (s->alt_flags & SS_AUTODISARM)
		s->alt_flags = SS_DISABLE;
	fpu_reset(t->fpu);
	fpu_restore(t->fpu);
	regs->rdi = (u64)signo;
	regs->rsi = sp + offsetof(struct sigframe, info);
	regs->rdx = sp + offsetof(struct sigframe, flags);
	regs->rax = 0;
	regs->rip = act->handler;
	regs->rsp = sp;
	regs->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	return 0;
}

static int get_fpu(u64 at)
{
	struct thread *t = current;
	struct sw_bytes sw;
	bool full;

	if (!at) {
		fpu_reset(t->fpu);
		return 0;
	}
	if (copy_from_user(t->fpu, (void *)at, FXSAVE_SIZE))
		return -EFAULT;
	memcpy(&sw, (u8 *)t->fpu + SW_RESERVED, sizeof(sw));
	full = cpu.xsave && sw.magic1 == FP_XSTATE_MAGIC1 && sw.xstate_size == fpu_size();
	if (full && copy_from_user(t->fpu, (void *)at, fpu_size()))
		return -EFAULT;
	return fpu_sanitize(t->fpu, full);
}

int signal_return(struct regs *regs)
{
	struct thread *t = current;
	struct sigframe f;
	u64 sp = regs->rsp - 8;

	if (copy_from_user(&f, (void *)sp, sizeof(f)) || get_fpu(f.sc.fpstate) ||
	    f.sc.rip >= USER_TOP) {
		printk("nub: %s[%d]: bad signal frame at %#lx\n", t->comm, t->tid, sp);
		fpu_reset(t->fpu);
		fpu_restore(t->fpu);
		return -EFAULT;
	}
	fpu_restore(t->fpu);
	signal_set_mask(&t->sig, f.sigmask);
	if (!on_altstack(&t->sig, f.sc.rsp)) {
		t->sig.alt_sp = f.stack_sp;
		t->sig.alt_size = f.stack_size;
		t->sig.alt_flags = f.stack_flags & (SS_DISABLE | SS_AUTODISARM);
	}
	regs->r8 = f.sc.r8;
	regs->r9 = f.sc.r9;
	regs->r10 = f.sc.r10;
	regs->r11 = f.sc.r11;
	regs->r12 = f.sc.r12;
	regs->r13 = f.sc.r13;
	regs->r14 = f.sc.r14;
	regs->r15 = f.sc.r15;
	regs->rdi = f.sc.rdi;
	regs->rsi = f.sc.rsi;
	regs->rbp = f.sc.rbp;
	regs->rbx = f.sc.rbx;
	regs->rdx = f.sc.rdx;
	regs->rax = f.sc.rax;
	regs->rcx = f.sc.rcx;
	regs->rsp = f.sc.rsp;
	regs->rip = f.sc.rip;
	regs->rflags =
		(regs->rflags & ~RFLAGS_USER) | (f.sc.eflags & RFLAGS_USER) | RFLAGS_IF;
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	regs->orig_rax = NO_SYSCALL;
	return 0;
}
