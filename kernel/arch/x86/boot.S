/* SPDX-License-Identifier: MIT */
/* PVH entry: 32-bit protected mode without paging, %ebx = physical start info. */
#include <arch/asm.h>
#include "long_mode.inc"

	.section .note.Xen, "a"
	.align 4
	.long 4, 8, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad PHYS(pvh_entry)

	.section .text.boot, "ax"
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	cli
	mov $PHYS(boot_stack_top), %esp
	/* First 4 GiB by 2 MiB pages: identity, direct map and kernel image. */
	mov $PHYS(boot_pd), %edi
	mov $0x83, %eax
	xor %edx, %edx
	mov $2048, %ecx
1:	mov %eax, (%edi)
	movl $0, 4(%edi)
	add $8, %edi
	add $0x200000, %eax
	loop 1b
	mov $PHYS(boot_pdpt), %edi
	mov $PHYS(boot_pd) + 3, %eax
	mov $4, %ecx
2:	mov %eax, (%edi)
	add $8, %edi
	add $4096, %eax
	loop 2b
	movl $PHYS(boot_pd) + 3, PHYS(boot_pdpt_high) + 510 * 8
	movl $PHYS(boot_pdpt) + 3, PHYS(boot_pml4)
	movl $PHYS(boot_pdpt) + 3, PHYS(boot_pml4) + 273 * 8
	movl $PHYS(boot_pdpt_high) + 3, PHYS(boot_pml4) + 511 * 8
	enter_long_mode long_entry

	.code64
long_entry:
	load_segments
	mov $boot_stack_top, %rsp
	mov %ebx, %edi
	xor %ebp, %ebp
	mov $kernel_main, %rax
	call *%rax
	ud2

	.section .note.GNU-stack, "", @progbits
