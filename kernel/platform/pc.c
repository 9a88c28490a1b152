/* SPDX-License-Identifier: MIT */
/* A bare PC (plain QEMU): serial console, local APIC timer, CMOS clock. */
#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/clock.h>
#include <nub/cmdline.h>
#include <nub/errno.h>
#include <nub/irq.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/sched.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/tty.h>

#define COM1 0x3f8
#define VECTOR_SERIAL 0x24 /* IRQ 4 through the I/O APIC */
#define IOAPIC_BASE 0xfec00000
#define LAPIC_BASE 0xfee00000
#define LAPIC_EOI 0xb0
#define LAPIC_SPURIOUS 0xf0
#define LAPIC_ICR 0x300
#define LAPIC_ICR_TO 0x310
#define ICR_BUSY 0x1000u
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define ICR_FIXED 0x4000u
#define LAPIC_LVT_TIMER 0x320
#define LAPIC_LVT_LINT0 0x350
#define LAPIC_TIMER_INIT 0x380
#define LAPIC_TIMER_COUNT 0x390
#define LAPIC_TIMER_DIV 0x3e0
#define PIT_HZ 1193182ULL

static volatile u32 *lapic, *ioapic;
static u64 lapic_hz; /* of the timer, divider applied */
static bool use_deadline;

/* --- serial --- */

static void pc_console_write(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int spin = 0; spin < 100000 && !(inb(COM1 + 5) & 0x20); spin++)
			__asm__ volatile("pause");
		outb(COM1, (u8)s[i]);
	}
}

static void serial_interrupt(void *arg)
{
	/* Bounded: a stuck port must not hold the machine. */
	for (int i = 0; i < 256 && inb(COM1 + 5) & 1; i++)
		tty_input(inb(COM1));
	lapic[LAPIC_EOI / 4] = 0;
}

static void serial_init(void)
{
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80);
	outb(COM1, 1); /* 115200 */
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	outb(COM1 + 2, 7);
	outb(COM1 + 4, 0xb);
	irq_register(VECTOR_SERIAL, serial_interrupt, NULL);
	ioapic[0] = 0x10 + 4 * 2;
	ioapic[4] = VECTOR_SERIAL; /* edge, high, fixed, CPU 0 */
	ioapic[0] = 0x10 + 4 * 2 + 1;
	ioapic[4] = 0;
	outb(COM1 + 1, 1);
}

/* --- time --- */

/* Lets the PIT's channel 2 count down and gives the TSC and APIC counts that passed. */
static u64 pit_measure(u32 ticks, u64 *apic)
{
	u64 t0, t1;
	u32 a0;

	outb(0x61, (u8)((inb(0x61) & ~2) | 1));
	outb(0x43, 0xb0);
	outb(0x42, (u8)ticks);
	outb(0x42, (u8)(ticks >> 8));
	t0 = rdtsc();
	a0 = lapic[LAPIC_TIMER_COUNT / 4];
	while (!(inb(0x61) & 0x20))
		__asm__ volatile("pause");
	t1 = rdtsc();
	*apic = a0 - lapic[LAPIC_TIMER_COUNT / 4];
	return t1 - t0;
}

static void clock_calibrate(void)
{
	const u32 ticks = 11932; /* 10 ms */
	u64 best = ~0ULL, apic_best = 0, apic, hz;
	struct clock_params p = {0};
	u32 r[4];

	lapic[LAPIC_TIMER_DIV / 4] = 3; /* by 16 */
	lapic[LAPIC_LVT_TIMER / 4] = 0x10000;
	lapic[LAPIC_TIMER_INIT / 4] = ~0u;
	/* The shortest of a few: delays only ever add. */
	for (int i = 0; i < 3; i++) {
		u64 t = pit_measure(ticks, &apic);

		if (t < best) {
			best = t;
			apic_best = apic;
		}
	}
	lapic[LAPIC_TIMER_INIT / 4] = 0;
	hz = best * PIT_HZ / ticks;
	lapic_hz = apic_best * PIT_HZ / ticks;
	/* A hypervisor that tells its TSC frequency (kHz) is more exact. */
	cpuid(0x40000000, 0, r);
	if (r[0] >= 0x40000010) {
		cpuid(0x40000010, 0, r);
		if (r[0])
			hz = r[0] * 1000ULL;
	}
	/* ns = (tsc << shift) * mult >> 32; mult must fit 32 bits. */
	for (p.shift = 0; (NS_PER_SEC << 32) / hz > 0xffffffff; p.shift++)
		hz <<= 1;
	p.mult = (u32)((NS_PER_SEC << 32) / hz);
	p.tsc_base = rdtsc();
	clock_set_params(&p);
}

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static u32 bcd(u8 v)
{
	return (u32)(v >> 4) * 10 + (v & 15);
}

static u64 days_from_civil(u32 y, u32 m, u32 d)
{
	u32 era, yoe, doy;

	y -= m <= 2;
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097ULL + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void realtime_read(void)
{
	u8 a[6], b[6];
	static const u8 regs[6] = {0, 2, 4, 7, 8, 9};

	/* Twice the same means that no update came between. */
	for (int tries = 0; tries < 100; tries++) {
		bool same = true;

		for (int i = 0; i < 6; i++)
			a[i] = cmos(regs[i]);
		for (int i = 0; i < 6; i++)
			b[i] = cmos(regs[i]);
		for (int i = 0; i < 6; i++)
			same &= a[i] == b[i];
		if (same)
			break;
	}
	clock_set_realtime(
		(days_from_civil(2000 + bcd(a[5]), bcd(a[4]), bcd(a[3])) * 86400 +
		 bcd(a[2]) * 3600 + bcd(a[1]) * 60 + bcd(a[0])) *
		NS_PER_SEC);
}

static void timer_vector(void *arg)
{
	lapic[LAPIC_EOI / 4] = 0;
	timer_interrupt();
}

static void pc_timer_program(u64 when)
{
	u64 now, count;

	if (use_deadline) {
		wrmsr(MSR_TSC_DEADLINE, when == NEVER ? 0 : clock_to_tsc(when));
		return;
	}
	now = clock_now();
	count = when > now ? mul_div(when - now, lapic_hz, NS_PER_SEC) + 1 : 1;
	lapic[LAPIC_TIMER_INIT / 4] = (u32)MIN(count, 0xffffffffUL);
}

/* --- more CPUs: their APIC ids are their numbers --- */

#define VECTOR_KICK 0xf2

extern char ap_trampoline[], ap_trampoline_end[];

/* Firmware tables would tell; the person who starts the test does, too. */
static unsigned pc_cpu_count(void)
{
	char n[8];

	if (!cpu.apic || !cmdline_option("nub.cpus", n, sizeof(n)))
		return 1;
	return n[0] >= '1' && n[0] <= '0' + CPUS_MAX ? (unsigned)(n[0] - '0') : 1;
}

static void icr_send(unsigned to, u32 command)
{
	for (int i = 0; i < 1000000 && lapic[LAPIC_ICR / 4] & ICR_BUSY; i++)
		__asm__ volatile("pause");
	lapic[LAPIC_ICR_TO / 4] = to << 24;
	lapic[LAPIC_ICR / 4] = command;
}

static void wait_ns(u64 ns)
{
	u64 end = clock_now() + ns;

	while (clock_now() < end)
		__asm__ volatile("pause");
}

static int pc_cpu_start(unsigned k)
{
	memcpy(phys_to_virt(AP_TRAMPOLINE), ap_trampoline,
	       (size_t)(ap_trampoline_end - ap_trampoline));
	icr_send(k, ICR_INIT);
	wait_ns(10000000);
	icr_send(k, ICR_STARTUP | AP_TRAMPOLINE >> PAGE_SHIFT);
	wait_ns(200000);
	icr_send(k, ICR_STARTUP | AP_TRAMPOLINE >> PAGE_SHIFT);
	return 0;
}

static void pc_cpu_kick(unsigned k)
{
	icr_send(k, ICR_FIXED | VECTOR_KICK);
}

static void kick_vector(void *arg)
{
	lapic[LAPIC_EOI / 4] = 0;
}

/* Of the CPU that runs this: the local APIC, its timer. */
static void lapic_init(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 1 << 11);
	lapic[LAPIC_SPURIOUS / 4] = 0x100 | VECTOR_SPURIOUS;
	lapic[LAPIC_LVT_LINT0 / 4] = 0x10000;
}

static void lapic_timer_init(void)
{
	lapic[LAPIC_TIMER_DIV / 4] = 3; /* by 16 */
	lapic[LAPIC_LVT_TIMER / 4] = VECTOR_TIMER | (use_deadline ? 2u << 17 : 0);
}

static void pc_cpu_init(unsigned k)
{
	lapic_init();
	lapic_timer_init();
}

static void pc_init(void)
{
	lapic = vmap_device(LAPIC_BASE, PAGE_SIZE);
	ioapic = vmap_device(IOAPIC_BASE, PAGE_SIZE);
	if (!lapic || !ioapic)
		panic("cannot map the interrupt controllers");
	outb(0x21, 0xff); /* the old controllers stay silent */
	outb(0xa1, 0xff);
	lapic_init();
	clock_calibrate();
	realtime_read();
	irq_register(VECTOR_TIMER, timer_vector, NULL);
	use_deadline = cpu.tsc_deadline;
	lapic_timer_init();
	irq_register(VECTOR_KICK, kick_vector, NULL);
	serial_init();
}

static void pc_stop(enum stop_kind kind) __noreturn;
static void pc_stop(enum stop_kind kind)
{
	/* QEMU's isa-debug-exit (exit code 2 * value + 1), then ACPI's S5 of both machine
	 * types, then the reset ports. */
	outb(0xf4, kind == STOP_POWEROFF ? 0x10 : kind == STOP_REBOOT ? 0x11 : 0x12);
	if (kind == STOP_POWEROFF) {
		outw(0x604, 0x2000);
		outw(0xb004, 0x2000);
	}
	outb(0x64, 0xfe);
	outb(0xcf9, 0xe);
	for (;;)
		__asm__ volatile("cli; hlt");
}

const struct platform_ops platform_pc = {
	.name = "pc",
	.console_write = pc_console_write,
	.init = pc_init,
	.timer_program = pc_timer_program,
	.cpu_count = pc_cpu_count,
	.cpu_start = pc_cpu_start,
	.cpu_init = pc_cpu_init,
	.cpu_kick = pc_cpu_kick,
	.stop = pc_stop,
};
