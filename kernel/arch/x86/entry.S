/* SPDX-License-Identifier: MIT */
/* Entries from user mode and from exceptions, the way back. The kernel never uses %gs, so
 * there is no swapgs and no entry race about it. A CPU is known by its system-call entry,
 * its task register, and the stack of the latter. */
#include <arch/asm.h>

#define SYSCALL_ENTRY_SIZE 32

	.macro PUSH_REGS
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.macro POP_REGS
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	.endm

	/* No register is free and there is no stack yet. So each CPU has an entry of its
	 * own that knows its stack (struct entry_stack, cpu.c). The first falls
	 * through: with one CPU this costs nothing. */
	.macro SYSCALL_ENTRY id
	mov %rsp, (entry_stacks + \id * ENTRY_STACK_SIZE + ENTRY_STACK_USER_RSP)(%rip)
	mov (entry_stacks + \id * ENTRY_STACK_SIZE + ENTRY_STACK_TOP)(%rip), %rsp
	push $USER_DS
	push (entry_stacks + \id * ENTRY_STACK_SIZE + ENTRY_STACK_USER_RSP)(%rip)
	.endm

	.text
	.balign SYSCALL_ENTRY_SIZE
syscall_entry_more:
	.set i, 1
	.rept CPUS_MAX - 1
	.balign SYSCALL_ENTRY_SIZE
	SYSCALL_ENTRY i
	jmp syscall_common
	.set i, i + 1
	.endr

	.balign 16
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
	SYSCALL_ENTRY 0
syscall_common:
	push %r11
	push $USER_CS
	push %rcx
	push %rax
	push $-1
	PUSH_REGS
	xor %ebp, %ebp
	mov %rsp, %rdi
	call syscall_handle
	test %al, %al
	jz return_iret
	/* Fast way out: SYSRET takes rip and rflags from these. */
	POP_REGS
	mov (REGS_RIP - REGS_VECTOR)(%rsp), %rcx
	mov (REGS_RFLAGS - REGS_VECTOR)(%rsp), %r11
	mov (REGS_RSP - REGS_VECTOR)(%rsp), %rsp
	sysretq
	.size syscall_entry, . - syscall_entry

	.globl return_iret
	.type return_iret, @function
return_iret:
	POP_REGS
	add $(REGS_RIP - REGS_VECTOR), %rsp
	iretq
	.size return_iret, . - return_iret

	/* A new user thread starts here, its frame at the top of its stack. */
	.globl thread_start_user
	.type thread_start_user, @function
thread_start_user:
	call sched_finish_switch
	mov %rsp, %rdi
	call return_to_user
	jmp return_iret
	.size thread_start_user, . - thread_start_user

	.type trap_common, @function
trap_common:
	PUSH_REGS
	cld
	cmpb $0, cpu_smap_on(%rip)
	je 1f
	.byte 0x0f, 0x01, 0xca /* clac */
1:	xor %ebp, %ebp
	testb $3, REGS_CS(%rsp)
	jnz 2f
	/* Keep the frame chain of interrupted kernel code for backtraces. */
	mov REGS_RBP(%rsp), %rbp
2:	mov %rsp, %rdi
	call trap_handle
	jmp return_iret
	.size trap_common, . - trap_common

	.macro STUB n
	.if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21)
	.else
	push $-1
	.endif
	push $\n
	jmp trap_common
	.balign TRAP_STUB_SIZE
	.endm

	.balign TRAP_STUB_SIZE
	.globl trap_stubs
	.type trap_stubs, @function
trap_stubs:
	.set i, 0
	.rept 256
	STUB i
	.set i, i + 1
	.endr
	.size trap_stubs, . - trap_stubs

	.section .rodata
	.balign 8
	.globl syscall_entries
syscall_entries:
	.quad syscall_entry
	.set i, 0
	.rept CPUS_MAX - 1
	.quad syscall_entry_more + i * SYSCALL_ENTRY_SIZE
	.set i, i + 1
	.endr

	.section .note.GNU-stack, "", @progbits
