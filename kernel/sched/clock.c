/* SPDX-License-Identifier: MIT */
/* The clock: TSC to nanoseconds, for the kernel and, by a shared page, for the vDSO. */
#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/printk.h>
#include <nub/smp.h>

#include "../vdso/vdso_data.h"

static struct clock_params params = {.mult = 1u << 31, .shift = 1};
static s64 real_offset;
static u64 latest; /* that clock_now() has told */
static struct page *data_page;

/* CPUs' counters differ by less; more is a step. */
#define STEP_NS NS_PER_MSEC

static void publish(void);

static u64 scale(u64 delta, u32 mult, s8 shift)
{
	delta = shift >= 0 ? delta << shift : delta >> -shift;
	return (u64)((u128)delta * mult >> 32);
}

u64 clock_span(u64 ticks)
{
	return (s64)ticks > 0 ? scale(ticks, params.mult, params.shift) : 0;
}

u64 clock_at(u64 tsc)
{
	/* A TSC that is a little behind the base must not wrap. */
	if (tsc < params.tsc_base)
		return params.ns_base;
	return params.ns_base + scale(tsc - params.tsc_base, params.mult, params.shift);
}

/*
 * Time does not go back, whatever the TSC does.  From there on it goes on from the latest
 * time that anybody was told.
 */
static u64 never_back(u64 now)
{
	u64 back = latest - now;

	if (back > STEP_NS) {
		params.ns_base += back;
		publish();
		printk("nub: the TSC went back by %lu ms\n", back / NS_PER_MSEC);
	}
	return latest;
}

u64 clock_now(void)
{
	u64 now = clock_at(rdtsc());

	if (unlikely((s64)(now - latest) < 0))
		return never_back(now);
	latest = now;
	return now;
}

u64 clock_real(void)
{
	return clock_now() + (u64)real_offset;
}

s64 clock_real_offset(void)
{
	return real_offset;
}

u64 clock_to_tsc(u64 ns)
{
	u64 d;

	if (ns <= params.ns_base)
		return params.tsc_base;
	d = mul_div(ns - params.ns_base, 1UL << 32, params.mult);
	d = params.shift >= 0 ? d >> params.shift : d << -params.shift;
	return params.tsc_base + d;
}

static void publish(void)
{
	struct vdso_data *d;

	if (!data_page)
		return;
	d = page_to_virt(data_page);
	d->seq++;
	barrier();
	d->tsc_base = params.tsc_base;
	d->ns_base = params.ns_base;
	d->mult = params.mult;
	d->shift = params.shift;
	d->real_offset = real_offset;
	d->cpus = smp_count;
	barrier();
	d->seq++;
}

void clock_set_params(const struct clock_params *p)
{
	static bool set;

	if (!set)
		latest = 0; /* time begins; before, it was the bare TSC */
	set = true;
	params = *p;
	publish();
}

void clock_set_realtime(u64 real_ns_now)
{
	real_offset = (s64)(real_ns_now - clock_now());
	publish();
}

struct page *clock_vdso_page(void)
{
	if (!data_page) {
		data_page = page_alloc(0, ALLOC_ZERO);
		if (!data_page)
			panic("no memory for the clock page");
		publish();
	}
	return data_page;
}
