/* SPDX-License-Identifier: MIT */
/* The switch between threads, and the start of a new kernel thread. */

	.text
	.globl thread_start_kernel
	.type thread_start_kernel, @function
thread_start_kernel:
	call sched_finish_switch
	call kthread_run
	ud2
	.size thread_start_kernel, . - thread_start_kernel

	/* void context_switch(u64 *save_sp, u64 load_sp) */
	.globl context_switch
	.type context_switch, @function
context_switch:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.size context_switch, . - context_switch

	.section .note.GNU-stack,"",@progbits
