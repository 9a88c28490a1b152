/* SPDX-License-Identifier: MIT */
/* PVH entry: 32-bit protected mode without paging, %ebx = physical start info. */
#include <arch/asm.h>

#define PHYS(x) ((x) - 0xffffffff80000000)

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
	mov $0x20, %eax /* PAE */
	mov %eax, %cr4
	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x901, %eax /* NXE, LME, SCE */
	wrmsr
	mov $0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
	mov %eax, %cr0
	lgdt PHYS(boot_gdtr)
	ljmp $KERNEL_CS, $PHYS(long_entry)

	.code64
long_entry:
	mov $KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $boot_stack_top, %rsp
	mov %ebx, %edi
	xor %ebp, %ebp
	mov $kernel_main, %rax
	call *%rax
	ud2

	/* Another CPU, in flat 32-bit mode without paging, as Xen starts it and the bare
	 * PC's trampoline leaves it.  By the boot's tables into the kernel's, to
	 * smp.c. */
	.code32
	.globl ap_entry32
ap_entry32:
	cld
	cli
	mov $0x20, %eax
	mov %eax, %cr4
	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x901, %eax
	wrmsr
	mov $0x80010033, %eax
	mov %eax, %cr0
	lgdt PHYS(boot_gdtr)
	ljmp $KERNEL_CS, $PHYS(ap_entry64)

	.code64
ap_entry64:
	mov $KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
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
	mov $0x11, %eax
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

	.align 8
boot_gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff /* 0x10: 64-bit code */
	.quad 0x00cf93000000ffff /* 0x18: data */
boot_gdt_end:
boot_gdtr:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)
	.long 0

	.section .bss.page, "aw", @nobits
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
