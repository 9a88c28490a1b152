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

/* The first serial port: registers of a 16550. */
#define COM1 0x3f8
#define UART_DATA COM1
#define UART_DIVISOR COM1 /* while LCR_DLAB; the high half is UART_IER */
#define UART_IER (COM1 + 1)
#define UART_FCR (COM1 + 2)
#define UART_LCR (COM1 + 3)
#define UART_MCR (COM1 + 4)
#define UART_LSR (COM1 + 5)
#define IER_RECEIVED 1
#define FCR_ENABLE_CLEAR 7
#define LCR_8N1 3
#define LCR_DLAB 0x80
#define MCR_DTR_RTS_IRQ 0xb
#define LSR_RECEIVED 1
#define LSR_SENDABLE 0x20
#define SERIAL_IRQ 4
#define VECTOR_SERIAL 0x24 /* through the I/O APIC */
#define IOAPIC_BASE 0xfec00000
#define IOAPIC_INDEX 0 /* words from the base */
#define IOAPIC_VALUE 4
#define IOAPIC_ENTRY(irq) (0x10 + 2 * (irq)) /* its low half; the high half is next */
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
#define LVT_MASKED 0x10000u
#define LVT_TSC_DEADLINE (2u << 17)
#define SPURIOUS_APIC_ON 0x100u
#define APIC_BASE_ON (1UL << 11)
#define TIMER_DIV_16 3
/* The 8254's channel 2, and the port that opens its gate and shows its output. */
#define PIT_HZ 1193182ULL
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_ONE_SHOT2 0xb0 /* channel 2, low then high byte, mode 0 */
#define PIT_PORT 0x61
#define PIT_GATE 1
#define PIT_SPEAKER 2
#define PIT_OUTPUT 0x20
/* The leaf in which a hypervisor tells the TSC's frequency, in kHz. */
#define CPUID_HYPERVISOR 0x40000000
#define CPUID_TSC_KHZ 0x40000010
#define PIC_MASK1 0x21
#define PIC_MASK2 0xa1
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71

static volatile u32 *lapic, *ioapic;
static u64 lapic_hz; /* of the timer, divider applied */
static bool use_deadline;

/* --- serial --- */

static void pc_console_write(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int spin = 0; spin < 100000 && !(inb(UART_LSR) & LSR_SENDABLE);
		     spin++)
			__asm__ volatile("pause");
		outb(UART_DATA, (u8)s[i]);
	}
}

static void serial_interrupt(void *arg)
{
	/* Bounded: a stuck port must not hold the machine. */
	for (int i = 0; i < 256 && inb(UART_LSR) & LSR_RECEIVED; i++)
		tty_input(inb(UART_DATA));
	lapic[LAPIC_EOI / 4] = 0;
}

static void serial_init(void)
{
	outb(UART_IER, 0);
	outb(UART_LCR, LCR_DLAB);
	outb(UART_DIVISOR, 1); /* 115200 */
	outb(UART_IER, 0);
	outb(UART_LCR, LCR_8N1);
	outb(UART_FCR, FCR_ENABLE_CLEAR);
	outb(UART_MCR, MCR_DTR_RTS_IRQ);
	irq_register(VECTOR_SERIAL, serial_interrupt, NULL);
	ioapic[IOAPIC_INDEX] = IOAPIC_ENTRY(SERIAL_IRQ);
	ioapic[IOAPIC_VALUE] = VECTOR_SERIAL; /* edge, high, fixed, CPU 0 */
	ioapic[IOAPIC_INDEX] = IOAPIC_ENTRY(SERIAL_IRQ) + 1;
	ioapic[IOAPIC_VALUE] = 0;
	outb(UART_IER, IER_RECEIVED);
}

/* --- time --- */

/* Lets the PIT's channel 2 count down and gives the TSC and APIC counts that passed. */
static u64 pit_measure(u32 ticks, u64 *apic)
{
	u64 t0, t1;
	u32 a0;

	outb(PIT_PORT, (u8)((inb(PIT_PORT) & ~PIT_SPEAKER) | PIT_GATE));
	outb(PIT_COMMAND, PIT_ONE_SHOT2);
	outb(PIT_CHANNEL2, (u8)ticks);
	outb(PIT_CHANNEL2, (u8)(ticks >> 8));
	t0 = rdtsc();
	a0 = lapic[LAPIC_TIMER_COUNT / 4];
	while (!(inb(PIT_PORT) & PIT_OUTPUT))
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

	lapic[LAPIC_TIMER_DIV / 4] = TIMER_DIV_16;
	lapic[LAPIC_LVT_TIMER / 4] = LVT_MASKED;
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
	cpuid(CPUID_HYPERVISOR, 0, r);
	if (r[0] >= CPUID_TSC_KHZ) {
		cpuid(CPUID_TSC_KHZ, 0, r);
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
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
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

/* The trampoline knows the entry by itself: it is in the same file, ap.S. */
static int pc_cpu_start(unsigned k, paddr_t entry)
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
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ON);
	lapic[LAPIC_SPURIOUS / 4] = SPURIOUS_APIC_ON | VECTOR_SPURIOUS;
	lapic[LAPIC_LVT_LINT0 / 4] = LVT_MASKED;
}

static void lapic_timer_init(void)
{
	lapic[LAPIC_TIMER_DIV / 4] = TIMER_DIV_16;
	lapic[LAPIC_LVT_TIMER / 4] = VECTOR_TIMER | (use_deadline ? LVT_TSC_DEADLINE : 0);
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
	outb(PIC_MASK1, 0xff); /* the old controllers stay silent */
	outb(PIC_MASK2, 0xff);
	lapic_init();
	clock_calibrate();
	realtime_read();
	irq_register(VECTOR_TIMER, timer_vector, NULL);
	use_deadline = cpu.tsc_deadline;
	lapic_timer_init();
	irq_register(VECTOR_KICK, kick_vector, NULL);
	serial_init();
}

/* QEMU's isa-debug-exit: its exit code is 2 * value + 1. */
#define DEBUG_EXIT 0xf4
/* ACPI's register to sleep, of both machine types. */
#define PM1_CONTROL_Q35 0x604
#define PM1_CONTROL_PIIX4 0xb004
#define PM1_SLEEP_S5 0x2000
/* Two ways to reset. */
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET 0xfe
#define RESET_CONTROL 0xcf9
#define RESET_FULL 0xe

static void pc_stop(enum stop_kind kind) __noreturn;
static void pc_stop(enum stop_kind kind)
{
	outb(DEBUG_EXIT, kind == STOP_POWEROFF ? 0x10
			 : kind == STOP_REBOOT ? 0x11
					       : 0x12);
	if (kind == STOP_POWEROFF) {
		outw(PM1_CONTROL_Q35, PM1_SLEEP_S5);
		outw(PM1_CONTROL_PIIX4, PM1_SLEEP_S5);
	}
	outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
	outb(RESET_CONTROL, RESET_FULL);
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
