/* SPDX-License-Identifier: MIT */
/* The report of a broken kernel. */
#include <arch/cpu.h>
#include <arch/regs.h>
#include <nub/ksyms.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/string.h>

extern char kernel_start[], text_end[];

u64 __stack_chk_guard = 0x5bd1e995a7c3b100;
void __stack_chk_fail(void) __noreturn;

void __stack_chk_fail(void)
{
	panic("stack smashed in %p", __builtin_return_address(0));
}

static bool kernel_text(u64 a)
{
	return a >= (u64)kernel_start && a < (u64)text_end;
}

static void print_symbol(u64 a)
{
	u64 off = 0;
	const char *name = ksym_lookup(a, &off);

	printk("  [%#lx] %s+%#lx\n", a, name ? name : "?", off);
}

void backtrace_print(u64 rip, u64 rbp)
{
	if (kernel_text(rip))
		print_symbol(rip);
	for (int depth = 0; depth < 24; depth++) {
		const u64 *frame = (const u64 *)rbp;

		/* Frames lie on the kernel stacks, in the upper half, and only go up. */
		if (rbp < 0xffff800000000000UL || rbp & 7)
			break;
		if (!kernel_text(frame[1]))
			break;
		print_symbol(frame[1]);
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
}

static void regs_print(const struct regs *r)
{
	printk("  rip %04lx:%016lx rsp %04lx:%016lx rflags %08lx\n", r->cs, r->rip, r->ss,
	       r->rsp, r->rflags);
	printk("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx, r->rcx,
	       r->rdx);
	printk("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi, r->rdi, r->rbp,
	       r->r8);
	printk("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", r->r9, r->r10, r->r11,
	       r->r12);
	printk("  r13 %016lx r14 %016lx r15 %016lx cr2 %016lx\n", r->r13, r->r14, r->r15,
	       read_cr2());
	printk("  cr3 %016lx\n", read_cr3());
}

void (*panic_stop_others)(void);

static void panic_common(const struct regs *regs, const char *fmt, va_list ap) __noreturn;
static void panic_common(const struct regs *regs, const char *fmt, va_list ap)
{
	static int depth;
	char what[200];

	irq_off();
	if (depth++ >= 2)
		platform->stop(STOP_CRASH);
	if (panic_stop_others)
		panic_stop_others();
	vsnprintf(what, sizeof(what), fmt, ap);
	printk("\nnub: panic: %s\n", what);
	if (current) {
		printk("  thread %d (%s), process %d", current->tid, current->comm,
		       current->proc ? current->proc->pid : 0);
		if (current->syscall)
			printk(", in %s", current->syscall);
		printk("\n");
	}
	if (regs) {
		regs_print(regs);
		backtrace_print(regs->rip, regs->rbp);
	} else {
		backtrace_print(0, (u64)__builtin_frame_address(0));
	}
	if (platform->report)
		platform->report(what);
	platform->stop(STOP_CRASH);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	panic_common(NULL, fmt, ap);
}

void panic_regs(const struct regs *regs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	panic_common(regs, fmt, ap);
}
