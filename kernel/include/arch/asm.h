/* SPDX-License-Identifier: MIT */
/* Numbers that C and assembly share: offsets, which C asserts, sizes and selectors. */
#ifndef ARCH_ASM_H
#define ARCH_ASM_H

#define CPUS_MAX 8

/* Control registers on the way into long mode. */
#define BOOT_CR0 0x80010033 /* PG, WP, NE, ET, MP, PE */
#define BOOT_CR4 0x20	    /* PAE */
#define BOOT_EFER 0x901	    /* NXE, LME, SCE */
#define MSR_EFER 0xc0000080

/* The physical address of a symbol of the image. */
#define PHYS(x) ((x) - 0xffffffff80000000)

/* Selectors of the descriptor table (cpu.c). SYSRET wants USER_DS just below USER_CS. */
#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER_DS 0x2b
#define USER_CS 0x33
#define TSS_SEL 0x40	/* of the first CPU */
#define TSS_SEL_STEP 16 /* to the next one's */

/* struct regs */
#define REGS_RBP 32
#define REGS_VECTOR 120
#define REGS_RIP 136
#define REGS_CS 144
#define REGS_RFLAGS 152
#define REGS_RSP 160

/* struct entry_stack (cpu.c) */
#define ENTRY_STACK_SIZE 64
#define ENTRY_STACK_TOP 0
#define ENTRY_STACK_USER_RSP 8

/* From one vector's code to the next one's. */
#define TRAP_STUB_SIZE 16

/* Where a bare PC's other CPUs begin, in real mode: below 1 MiB, which nothing here uses,
 * and on a page boundary. */
#define AP_TRAMPOLINE 0x8000

#endif
