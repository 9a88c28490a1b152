/* SPDX-License-Identifier: MIT */
/* Entries of every CPU but the first. */
#include <arch/asm.h>
#include "long_mode.inc"

	.section .text.boot, "ax"

	/* Another CPU, in flat 32-bit mode without paging, as Xen starts it and the bare
	 * PC's trampoline leaves it.  By the boot's tables into the kernel's, to
	 * smp.c. */
	.code32
	.globl ap_entry32
ap_entry32:
	cld
	cli
	enter_long_mode ap_entry64

	.code64
ap_entry64:
	load_segments
	mov $1f, %rax
	jmp *%rax
1:	mov ap_cr3(%rip), %rax
	mov %rax, %cr3
	mov ap_stack(%rip), %rsp
	xor %ebp, %ebp
	call smp_main
	ud2

	/* The bare PC's: copied to AP_TRAMPOLINE, where a CPU begins in real mode. */
	.section .rodata
	.globl ap_trampoline, ap_trampoline_end
	.code16
ap_trampoline:
	cli
	xor %ax, %ax
	mov %ax, %ds
	lgdtl AP_TRAMPOLINE + ap_gdtr - ap_trampoline
	mov $0x11, %eax /* ET, PE */
	mov %eax, %cr0
	ljmpl $0x08, $AP_TRAMPOLINE + ap_flat - ap_trampoline
	.code32
ap_flat:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $PHYS(ap_entry32), %eax
	jmp *%eax
	.align 8
ap_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
ap_gdtr:
	.word ap_gdtr - ap_gdt - 1
	.long AP_TRAMPOLINE + ap_gdt - ap_trampoline
ap_trampoline_end:
	.code64

	.section .note.GNU-stack, "", @progbits
