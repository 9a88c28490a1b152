/* SPDX-License-Identifier: MIT */
/* Time from Xen: the scale of the TSC, the wall clock, and one timer. */
#include "core.h"
#include "event.h"
#include "hypercall.h"

#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/printk.h>
#include <nub/sched.h>
#include <nub/smp.h>

#include <xen/vcpu.h>

/* Xen's system time = our monotonic time + offset. Re-chosen whenever Xen tells a new
 * scale, so that our time never jumps. */
static u64 offset;
static u32 seen_version, seen_wc;

static u64 scale(u64 tsc, const struct clock_params *p)
{
	u64 d = tsc - p->tsc_base;

	d = p->shift >= 0 ? d << p->shift : d >> -p->shift;
	return p->ns_base + (u64)((u128)d * p->mult >> 32);
}

/* A consistent copy: Xen makes the version odd while it writes. */
static u32 time_read(struct clock_params *p)
{
	const volatile struct vcpu_time_info *t = &xen_shared->vcpu_info[0].time;
	u32 v;

	do {
		v = t->version;
		barrier();
		p->tsc_base = t->tsc_timestamp;
		p->ns_base = t->system_time;
		p->mult = t->tsc_to_system_mul;
		p->shift = t->tsc_shift;
		barrier();
	} while (v & 1 || v != t->version);
	return v;
}

static void wall_update(u64 xen_now)
{
	const volatile struct shared_info *s = xen_shared;
	u64 sec, nsec;
	u32 v;

	do {
		v = s->wc_version;
		barrier();
		sec = s->wc_sec | (u64)s->wc_sec_hi << 32;
		nsec = s->wc_nsec;
		barrier();
	} while (v & 1 || v != s->wc_version);
	if (v == seen_wc)
		return;
	seen_wc = v;
	clock_set_realtime(sec * NS_PER_SEC + nsec + xen_now);
}

static void clock_update(bool first)
{
	struct clock_params p;
	u64 tsc, xen_now;

	if (!first && xen_shared->vcpu_info[0].time.version == seen_version) {
		if (xen_shared->wc_version != seen_wc)
			wall_update(clock_now() + offset);
		return;
	}
	seen_version = time_read(&p);
	/* Both clocks at the same instant: we may be without a CPU between two readings.
	 * Xen's own base can be older than the domain, with a TSC of less than zero. */
	tsc = rdtsc();
	xen_now = scale(tsc, &p);
	p.tsc_base = tsc;
	p.ns_base = first ? 0 : clock_at(tsc);
	offset = xen_now - p.ns_base;
	clock_set_params(&p);
	wall_update(xen_now);
}

static void timer_event(u32 port, void *arg)
{
	clock_update(false);
	timer_interrupt();
}

u64 xen_time(u64 when_ns)
{
	return when_ns + offset;
}

void xen_timer_run(void)
{
	clock_update(false);
	timer_run();
}

void xen_timer_program(u64 when_ns)
{
	struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = xen_time(when_ns)};

	if (when_ns == NEVER)
		xen_vcpu_op(VCPUOP_stop_singleshot_timer, cpu_self, NULL);
	else
		xen_vcpu_op(VCPUOP_set_singleshot_timer, cpu_self, &t);
}

int xen_clock_bind(unsigned vcpu)
{
	return event_bind_virq(VIRQ_TIMER, vcpu, timer_event, NULL);
}

void xen_clock_init(void)
{
	int port;

	clock_update(true);
	xen_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	port = xen_clock_bind(0);
	if (port < 0)
		printk("xen: no timer (%d)\n", port);
}
