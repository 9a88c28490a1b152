/* SPDX-License-Identifier: MIT */
/* nub's clock on Xen's time page, with a TSC of the test's own. */
#include "unit.h"
#include <stdlib.h>

#define rdtsc cpu_rdtsc
#include <arch/cpu.h>
#undef rdtsc

#define xen_vcpu_op real_vcpu_op
#include "../../../kernel/xen/hypercall.h"
#undef xen_vcpu_op
#include <xen/vcpu.h>

static u64 guest_tsc; /* of the guest: 0 when its domain was made */

static u64 rdtsc(void)
{
	return guest_tsc;
}

static u64 timer_at; /* Xen's system time; 0: none is set */

static long xen_vcpu_op(int cmd, unsigned vcpu, void *arg)
{
	assert_int_equal(vcpu, 0);
	if (cmd == VCPUOP_set_singleshot_timer)
		timer_at = ((struct vcpu_set_singleshot_timer *)arg)->timeout_abs_ns;
	return 0;
}

#define scale sched_scale
#include "../../../kernel/sched/clock.c"
#undef scale
#include "../../../kernel/xen/clock.c"

unsigned smp_count = 1, cpu_self;
struct shared_info *xen_shared;
static struct shared_info shared;
static event_handler on_timer;
static unsigned printed;

int event_bind_virq(unsigned virq, unsigned vcpu, event_handler fn, void *arg)
{
	assert_int_equal(virq, VIRQ_TIMER);
	on_timer = fn;
	return 7;
}

void timer_interrupt(void)
{
}

void timer_run(void)
{
}

void printk(const char *fmt, ...)
{
	printed++;
}

void panic(const char *fmt, ...)
{
	abort();
}

static u8 vdso_memory[4096] __attribute__((aligned(4096)));
static struct page vdso_page = {.mem = vdso_memory};

struct page *page_alloc(unsigned order, unsigned flags)
{
	return &vdso_page;
}

#define HZ 2000000000ULL /* two ticks a nanosecond */
#define SECOND NS_PER_SEC

/* Xen's word: at this TSC of the guest its system time was that. */
static void xen_says(u64 at_tsc, u64 system_time)
{
	struct vcpu_time_info *t = &shared.vcpu_info[0].time;

	t->version += 2;
	t->tsc_timestamp = at_tsc;
	t->system_time = system_time;
	t->tsc_to_system_mul = 1u << 31;
	t->tsc_shift = 0;
}

static void start(u64 at_tsc)
{
	xen_shared = &shared;
	guest_tsc = at_tsc;
	xen_clock_init();
}

/* The time of a program without a system call (kernel/vdso/vdso.c). */
static u64 vdso_now(void)
{
	const struct vdso_data *d = page_to_virt(clock_vdso_page());

	assert_true(guest_tsc >= d->tsc_base);
	assert_int_equal(d->shift, 0);
	return d->ns_base + (u64)((u128)(guest_tsc - d->tsc_base) * d->mult >> 32);
}

static void check_runs_from_zero(void)
{
	assert_int_equal(clock_now(), 0);
	guest_tsc += HZ / 10;
	assert_int_equal(clock_now(), SECOND / 10);
	assert_int_equal(vdso_now(), SECOND / 10);
	assert_int_equal(clock_to_tsc(SECOND / 10), guest_tsc);
	assert_int_equal(clock_to_tsc(SECOND / 5), guest_tsc + HZ / 10);
	assert_int_equal(printed, 0);
}

static void xen_time_older_than_the_domain(void **state)
{
	/* The domain was made 0.6 s ago, Xen's base is 0.4 s older. */
	xen_says(0 - HZ * 4 / 10, 5000 * SECOND);
	start(HZ * 6 / 10);
	check_runs_from_zero();
	xen_timer_program(SECOND);
	assert_int_equal(timer_at, 5002 * SECOND);
}

static void xen_time_younger_than_the_domain(void **state)
{
	xen_says(HZ * 5 / 10, 5000 * SECOND);
	start(HZ * 6 / 10);
	check_runs_from_zero();
	xen_timer_program(SECOND);
	assert_int_equal(timer_at, 5001 * SECOND + SECOND / 10);
}

static void new_words_make_no_step(void **state)
{
	u64 before;

	xen_says(0 - HZ * 4 / 10, 5000 * SECOND);
	start(HZ * 6 / 10);
	guest_tsc += HZ;
	before = clock_now();
	/* Xen has found that it was 3 ms behind. */
	xen_says(HZ * 16 / 10, 5002 * SECOND + 3 * NS_PER_MSEC);
	on_timer(7, NULL);
	assert_int_equal(clock_now(), before);
	assert_int_equal(vdso_now(), before);
	assert_int_equal(xen_time(before), 5002 * SECOND + 3 * NS_PER_MSEC);
	assert_int_equal(printed, 0);
}

static void a_tsc_that_goes_back(void **state)
{
	u64 before;

	xen_says(HZ, 5000 * SECOND);
	start(2 * HZ);
	guest_tsc += HZ;
	before = clock_now();
	guest_tsc -= HZ / 2;
	assert_int_equal(clock_now(), before);
	assert_int_equal(printed, 1);
	guest_tsc += HZ / 4;
	assert_int_equal(clock_now(), before + SECOND / 4);
}

static int fresh(void **state)
{
	static const struct clock_params none = {.mult = 1u << 31};

	shared = (struct shared_info){0};
	params = none;
	latest = timer_at = printed = seen_version = seen_wc = 0;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(xen_time_older_than_the_domain, fresh),
		cmocka_unit_test_setup(xen_time_younger_than_the_domain, fresh),
		cmocka_unit_test_setup(new_words_make_no_step, fresh),
		cmocka_unit_test_setup(a_tsc_that_goes_back, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
