/* SPDX-License-Identifier: MIT */
/* Processor set-up: features, control registers, descriptor tables, system-call entry. */
#include <arch/cpu.h>
#include <arch/regs.h>
#include <nub/errno.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/smp.h>
#include <nub/string.h>

struct cpu_features cpu;
u8 cpu_smap_on;

struct tss {
	u32 spare0;
	u64 rsp[3];
	u64 spare1;
	u64 ist[7];
	u64 spare2;
	u16 spare3, iomap;
} __packed;

static struct tss tss[CPUS_MAX];
/* One table for all: the last entries are the task registers, two words for each CPU. */
static u64 gdt[8 + 2 * CPUS_MAX] __aligned(16);

struct idt_gate {
	u16 off0, sel;
	u8 ist, type;
	u16 off1;
	u32 off2, spare;
};
static struct idt_gate idt[256] __aligned(16);

struct table_ptr {
	u16 limit;
	u64 base;
} __packed;

#define IST_STACK 8192
static u8 ist_stacks[3][IST_STACK] __aligned(4096);

/* The system-call entry of each CPU finds these without any register (entry.S). */
struct entry_stack {
	u64 top, user_rsp;
} __aligned(64);
_Static_assert(sizeof(struct entry_stack) == ENTRY_STACK_SIZE &&
		       offsetof(struct entry_stack, top) == ENTRY_STACK_TOP &&
		       offsetof(struct entry_stack, user_rsp) == ENTRY_STACK_USER_RSP,
	       "entry.S finds it by these");
extern struct entry_stack entry_stacks[CPUS_MAX];
struct entry_stack entry_stacks[CPUS_MAX];

static const u64 *syscall_entries;

void cpu_set_kernel_stack(u64 top)
{
	tss[cpu_self].rsp[0] = top;
	entry_stacks[cpu_self].top = top;
}

/* Leaves and bits: Intel SDM volume 2, CPUID; from 0x80000000 on AMD APM volume 3. */
static void features_read(void)
{
	u32 r[4], max;

	cpuid(0, 0, r);
	max = r[0];
	cpuid(1, 0, r);
	cpu.fxsr = r[3] >> 24 & 1;
	cpu.apic = r[3] >> 9 & 1;
	cpu.xsave = r[2] >> 26 & 1;
	cpu.rdrand = r[2] >> 30 & 1;
	cpu.tsc_deadline = r[2] >> 24 & 1;
	if (max >= 7) {
		cpuid(7, 0, r);
		cpu.smep = r[1] >> 7 & 1;
		cpu.smap = r[1] >> 20 & 1;
		cpu.erms = r[1] >> 9 & 1;
		cpu.rdseed = r[1] >> 18 & 1;
		cpu.umip = r[2] >> 2 & 1;
	}
	if (max >= 0xd && cpu.xsave) {
		cpuid(0xd, 1, r);
		cpu.xsaveopt = r[0] & 1;
	}
	cpuid(0x80000000, 0, r);
	max = r[0];
	if (max >= 0x80000001) {
		cpuid(0x80000001, 0, r);
		cpu.page1g = r[3] >> 26 & 1;
	}
	if (max >= 0x80000007) {
		cpuid(0x80000007, 0, r);
		cpu.invariant_tsc = r[3] >> 8 & 1;
	}
}

static void idt_set(const char *stubs, unsigned vector, unsigned ist, unsigned dpl)
{
	u64 a = (u64)stubs + vector * TRAP_STUB_SIZE;

	idt[vector] = (struct idt_gate){
		.off0 = (u16)a,
		.sel = KERNEL_CS,
		.ist = (u8)ist,
		.type = (u8)(0x8e | dpl << 5),
		.off1 = (u16)(a >> 16),
		.off2 = (u32)(a >> 32),
	};
}

static void tss_set(unsigned id)
{
	u64 base = (u64)&tss[id], limit = sizeof(tss[id]) - 1;

	gdt[8 + 2 * id] = limit | (base & 0xffffff) << 16 | 0x89ULL << 40 |
			  (base >> 24 & 0xff) << 56;
	gdt[9 + 2 * id] = base >> 32;
	tss[id].iomap = sizeof(tss[id]);
}

static void tables_make(const char *stubs)
{
	gdt[2] = 0x00af9b000000ffff; /* kernel code */
	gdt[3] = 0x00cf93000000ffff; /* kernel data */
	/* gdt[4] stays empty: SYSRET wants the slot, but 32-bit code must not run.  Its
	 * SYSCALL and SYSENTER would enter the kernel where nothing awaits them. */
	gdt[5] = 0x00cff3000000ffff; /* user data */
	gdt[6] = 0x00affb000000ffff; /* user code */
	tss_set(0);
	for (unsigned i = 0; i < 3; i++)
		tss[0].ist[i] = (u64)ist_stacks[i] + IST_STACK;
	for (unsigned i = 0; i < 256; i++)
		idt_set(stubs, i, 0, 0);
	idt_set(stubs, EXC_BREAKPOINT, 0, 3); /* int3 and into are the user's */
	idt_set(stubs, EXC_OVERFLOW, 0, 3);
	idt_set(stubs, EXC_NMI, 1, 0);
	idt_set(stubs, EXC_DOUBLE_FAULT, 2, 0);
	idt_set(stubs, EXC_MACHINE_CHECK, 3, 0);
}

static void tables_load(unsigned id)
{
	struct table_ptr p;

	p = (struct table_ptr){sizeof(gdt) - 1, (u64)gdt};
	__asm__ volatile(
		"lgdt %0\n\tpushq %1\n\tleaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tlretq\n"
		"1:\tmov %2, %%ds\n\tmov %2, %%es\n\tmov %2, %%ss"
		:
		: "m"(p), "i"(KERNEL_CS), "r"(KERNEL_DS)
		: "rax", "memory");
	p = (struct table_ptr){sizeof(idt) - 1, (u64)idt};
	__asm__ volatile("lidt %0" : : "m"(p));
	__asm__ volatile("ltr %w0" : : "r"(TSS_SEL + TSS_SEL_STEP * id));
}

static void registers_set(unsigned id)
{
	u64 cr4;

	cr4 = read_cr4() | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	if (cpu.smep)
		cr4 |= CR4_SMEP;
	if (cpu.smap)
		cr4 |= CR4_SMAP;
	if (cpu.umip)
		cr4 |= CR4_UMIP;
	if (cpu.xsave)
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4);
	cpu_fpu_init();

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, (u64)(USER_CS - 16) << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, syscall_entries[id]);
	wrmsr(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC);
}

void cpu_init(const char *trap_stubs, const u64 *entries)
{
	syscall_entries = entries;
	features_read();
	tables_make(trap_stubs);
	tables_load(0);
	registers_set(0);
	cpu_smap_on = cpu.smap;
}

int cpu_prepare(unsigned id)
{
	for (unsigned i = 0; i < 3; i++) {
		struct page *p = page_alloc(1, 0);

		if (!p)
			return -ENOMEM;
		tss[id].ist[i] = (u64)page_to_virt(p) + IST_STACK;
	}
	tss_set(id);
	return 0;
}

void cpu_init_more(unsigned id)
{
	tables_load(id);
	registers_set(id);
}
