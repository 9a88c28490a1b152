/* SPDX-License-Identifier: MIT */
/* The register frame that every entry into the kernel pushes. */
#ifndef ARCH_REGS_H
#define ARCH_REGS_H

#include <arch/asm.h>
#include <nub/types.h>

#define VECTOR_SYSCALL (~0ULL)
#define NO_SYSCALL (~0ULL) /* none is to be restarted */

struct regs {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 vector;   /* enum exception, an interrupt's, or VECTOR_SYSCALL */
	u64 orig_rax; /* error code, or the number of the system call, or NO_SYSCALL */
	u64 rip, cs, rflags, rsp, ss;
};
_Static_assert(offsetof(struct regs, rbp) == REGS_RBP &&
		       offsetof(struct regs, vector) == REGS_VECTOR &&
		       offsetof(struct regs, rip) == REGS_RIP &&
		       offsetof(struct regs, cs) == REGS_CS &&
		       offsetof(struct regs, rflags) == REGS_RFLAGS &&
		       offsetof(struct regs, rsp) == REGS_RSP,
	       "entry.S finds them by these");

/* Exceptions (Intel SDM, volume 3, table 6-1). */
enum exception {
	EXC_DIVIDE = 0,
	EXC_DEBUG = 1,
	EXC_NMI = 2,
	EXC_BREAKPOINT = 3,
	EXC_OVERFLOW = 4,
	EXC_OPCODE = 6,
	EXC_DOUBLE_FAULT = 8,
	EXC_NO_SEGMENT = 11,
	EXC_STACK = 12,
	EXC_PAGE_FAULT = 14,
	EXC_X87 = 16,
	EXC_ALIGNMENT = 17,
	EXC_MACHINE_CHECK = 18,
	EXC_SIMD = 19,
};

/* A page fault's error code. */
#define PF_WRITE 2UL
#define PF_FETCH 16UL

static inline bool regs_user(const struct regs *r)
{
	return (r->cs & 3) == 3;
}

#define SYSCALL_INSN_SIZE 2 /* bytes of SYSCALL: back to it, and the call is made again */

#define RFLAGS_CF 0x1UL
#define RFLAGS_TF 0x100UL
#define RFLAGS_IF 0x200UL
#define RFLAGS_DF 0x400UL
#define RFLAGS_NT 0x4000UL
#define RFLAGS_RF 0x10000UL
#define RFLAGS_AC 0x40000UL
/* The flags that user code may set for itself through a signal frame. */
#define RFLAGS_USER (0xdd5UL | RFLAGS_RF | RFLAGS_AC)

/* Last stop before user mode (trap.c): reschedules and delivers signals, until nothing is
 * left to do. */
void return_to_user(struct regs *regs);

#endif
