/* SPDX-License-Identifier: MIT */
/* The tables that CPUs begin with, and the stack of the first. */
#include <arch/asm.h>

	.section .rodata
	.globl boot_gdtr
	.balign 8
boot_gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff /* KERNEL_CS: 64-bit code */
	.quad 0x00cf93000000ffff /* KERNEL_DS */
boot_gdt_end:
boot_gdtr:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)
	.long 0

	.section .bss.page, "aw", @nobits
	.globl boot_pml4, boot_pdpt, boot_pdpt_high, boot_pd
	.balign 4096
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_high:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.globl boot_stack, boot_stack_top
boot_stack:
	.skip 16384
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
