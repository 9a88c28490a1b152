/* SPDX-License-Identifier: MIT */
/* The BIOS test guest's boot sector, its entry to C, and the parts that C cannot do in
 * real mode. */
	.code16

	.section .boot, "ax"
	.globl _start
_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$_start, %esp
	ljmp	$0, $1f
1:	sti
	cld
	movb	%dl, boot_drive
	movw	$dap, %si
	movb	$0x42, %ah
	int	$0x13
	jc	2f
	jmp	stage2
2:	movw	$failed, %si
3:	lodsb
	testb	%al, %al
	jz	4f
	movw	$0x3f8, %dx
	outb	%al, %dx
	jmp	3b
4:	cli
	hlt
	jmp	4b

failed:	.asciz "bios-guest: error cannot read the second stage\r\n"
	.globl boot_drive
boot_drive:
	.byte	0
	.balign	4
dap:	.byte	16, 0
	.word	stage2_sectors
	.word	0x7e00, 0
	.quad	1

	.org	510
	.word	0xaa55

	.section .entry, "ax"
stage2:
	/* the loader does not clear the memory behind the file */
	movl	$bss_start, %edi
	movl	$bss_dwords, %ecx
	xorl	%eax, %eax
	rep stosl
	calll	guest_main
5:	hlt
	jmp	5b

	.text
/*
 * void flat_copy(uint32_t dst, const void *src, uint32_t dwords): writes above
 * 64 KB by a short visit to protected mode. Interrupts stay off meanwhile.
 */
	.globl flat_copy
flat_copy:
	pushl	%esi
	pushl	%edi
	pushfl
	cli
	pushw	%ds
	pushw	%es
	movl	%eax, %edi
	movl	%edx, %esi
	lgdt	gdt_pointer
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	jmp	6f
6:	movw	$8, %dx
	movw	%dx, %ds
	movw	%dx, %es
	rep movsl (%esi), (%edi)
	movw	$16, %dx /* 64 KB limits again, as real mode has them */
	movw	%dx, %ds
	movw	%dx, %es
	andb	$0xfe, %al
	movl	%eax, %cr0
	jmp	7f
7:	popw	%es
	popw	%ds
	popfl
	popl	%edi
	popl	%esi
	retl

/* void font_copy(void *dst): the BIOS's 8x8 font, 128 characters. */
	.globl font_copy
font_copy:
	pushl	%esi
	pushl	%edi
	pushl	%ebp
	pushl	%ebx
	pushw	%ds
	pushw	%es
	movl	%eax, %edi
	movw	$0x1130, %ax
	movb	$3, %bh
	int	$0x10
	movw	%es, %ax
	movw	%ax, %ds
	popw	%es
	movzwl	%bp, %esi
	movl	$256, %ecx
	rep movsl (%esi), (%edi)
	popw	%ds
	popl	%ebx
	popl	%ebp
	popl	%edi
	popl	%esi
	retl

	.section .rodata
	.balign	8
gdt:	.quad	0
	.quad	0x00cf92000000ffff
	.quad	0x000092000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
