/* SPDX-License-Identifier: MIT */
/* The processor: features, control registers, model-specific registers. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <arch/asm.h>
#include <nub/types.h>

#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101

#define EFER_SCE 1UL /* SYSCALL and SYSRET are there */

#define CR0_MP 2UL
#define CR0_EM 4UL
#define CR0_TS 8UL
#define CR0_WP 0x10000UL
#define CR4_PGE 0x80UL
#define CR4_OSFXSR 0x200UL
#define CR4_OSXMMEXCPT 0x400UL
#define CR4_UMIP 0x800UL
#define CR4_OSXSAVE 0x40000UL
#define CR4_SMEP 0x100000UL
#define CR4_SMAP 0x200000UL

struct cpu_features {
	bool xsave, xsaveopt, fxsr, smep, smap, umip, page1g, rdrand, rdseed, erms;
	bool tsc_deadline, invariant_tsc, apic;
	u64 xcr0;
	u32 xsave_size;
};
extern struct cpu_features cpu;
extern u8 cpu_smap_on; /* read by the entry code */

static inline void cpuid(u32 leaf, u32 sub, u32 r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub));
}
static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}
static inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32))
			 : "memory");
}
static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}
static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}
static inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}
static inline u64 read_cr2(void)
{
	u64 v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}
static inline u64 read_cr3(void)
{
	u64 v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v) : : "memory");
	return v;
}
static inline void write_cr3(u64 v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}
static inline u64 read_cr4(void)
{
	u64 v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}
static inline void write_cr4(u64 v)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}
static inline u64 read_cr0(void)
{
	u64 v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}
static inline void write_cr0(u64 v)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}
static inline void invlpg(u64 va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
static inline void irq_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}
static inline void irq_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}
/* Interrupts are taken only while halted here. */
static inline void cpu_idle_once(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

extern u8 smp_on;
/* The CPU that this code runs on, which need not hold the lock: by its task register. */
static inline unsigned smp_id(void)
{
	u32 tr;

	if (!smp_on)
		return 0;
	__asm__ volatile("str %0" : "=r"(tr));
	return ((tr & 0xffff) - TSS_SEL) / TSS_SEL_STEP;
}

/* a * b / c with a 128-bit product; the quotient must fit 64 bits. */
static inline u64 mul_div(u64 a, u64 b, u64 c)
{
	u64 hi, lo, q, r;

	__asm__("mulq %3" : "=a"(lo), "=d"(hi) : "a"(a), "r"(b) : "cc");
	if (hi >= c)
		return ~0UL;
	__asm__("divq %4" : "=a"(q), "=d"(r) : "a"(lo), "d"(hi), "r"(c) : "cc");
	return q;
}

/* Descriptor tables, features, control registers. `trap_stubs` has TRAP_STUB_SIZE bytes of
 * code for each vector, `syscall_entries` an address for each CPU (entry.S). */
void cpu_init(const char *trap_stubs, const u64 *syscall_entries);
/* The same on another CPU, and before it: memory for its stacks, 0 or -ENOMEM. */
void cpu_init_more(unsigned id);
int cpu_prepare(unsigned id);
void cpu_set_kernel_stack(u64 top);
void cpu_fpu_init(void);

#define FXSAVE_SIZE 512 /* bytes that every FPU image begins with */
/* FPU images: size and a clean one. */
size_t fpu_size(void);
void fpu_reset(void *image);
void fpu_save(void *image);
void fpu_restore(const void *image);
/* Copies an image that user space gave after checking it: 0 or -EINVAL. */
int fpu_sanitize(void *image, bool has_xsave);

#endif
