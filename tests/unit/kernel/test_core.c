/* SPDX-License-Identifier: MIT */
/* Units of nub's core: sparse arrays, the timer heap, formatting. */
#include "shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nub/platform.h>
#include <nub/radix.h>
#include <nub/sched.h>

/* Renamed when format.c is built for this test. */
int nub_snprintf(char *buf, size_t n, const char *fmt, ...);
void *krealloc(void *p, size_t old_size, size_t size);

void *krealloc(void *p, size_t old_size, size_t size)
{
	void *q = kmalloc(size);

	if (q && p) {
		memcpy(q, p, old_size < size ? old_size : size);
		kfree(p);
	}
	return q;
}

/* --- sparse arrays --- */

#define SLOTS 4000

static uint64_t index_of(unsigned i)
{
	if (i == SLOTS - 1)
		return ~0UL;
	return i < 3000 ? i * 7 : (1UL << (20 + i % 43)) + i;
}

static void count_value(void *value, void *arg)
{
	++*(unsigned *)arg;
}

static void radix_holds_what_was_set(void **state)
{
	static char values[SLOTS];
	struct radix r = {0};
	unsigned cleared = 0;

	assert_null(radix_get(&r, 0));
	assert_null(radix_get(&r, ~0UL));
	for (unsigned i = 0; i < SLOTS; i++)
		assert_int_equal(radix_set(&r, index_of(i), &values[i]), 0);
	for (unsigned i = SLOTS; i-- > 0;)
		assert_ptr_equal(radix_get(&r, index_of(i)), &values[i]);
	assert_null(radix_get(&r, 1));
	radix_clear_from(&r, 14, count_value, &cleared);
	assert_int_equal(cleared, SLOTS - 2);
	assert_ptr_equal(radix_get(&r, 0), &values[0]);
	assert_null(radix_get(&r, 14));
	radix_clear_from(&r, 0, count_value, &cleared);
	assert_int_equal(cleared, SLOTS);
	assert_int_equal(shim_allocations, 0);
}

static void radix_gives_back_one(void **state)
{
	const u64 places[] = {0, 63, 64, 5000, 1UL << 40};
	struct radix r = {0};
	int values[5], cleared = 0;

	assert_null(radix_take(&r, 0));
	for (int i = 0; i < 5; i++)
		assert_int_equal(radix_set(&r, places[i], &values[i]), 0);
	for (int i = 0; i < 5; i += 2) {
		assert_ptr_equal(radix_take(&r, places[i]), &values[i]);
		assert_null(radix_get(&r, places[i]));
		assert_null(radix_take(&r, places[i]));
	}
	assert_null(radix_take(&r, 1UL << 30)); /* no node on the way */
	assert_null(radix_take(&r, ~0UL));
	assert_ptr_equal(radix_get(&r, 63), &values[1]);
	radix_clear_from(&r, 0, count_value, &cleared);
	assert_int_equal(cleared, 2);
	assert_int_equal(shim_allocations, 0);
}

static void radix_survives_want_of_memory(void **state)
{
	struct radix r = {0};
	unsigned cleared = 0;
	int x, failed = 0;

	for (long room = 0; room < 12; room++) {
		shim_fail_after = room;
		failed += radix_set(&r, 1UL << 50, &x) != 0;
		shim_fail_after = -1;
	}
	assert_true(failed > 0 && failed < 12);
	assert_ptr_equal(radix_get(&r, 1UL << 50), &x);
	radix_clear_from(&r, 0, count_value, &cleared);
	assert_int_equal(cleared, 1);
	assert_int_equal(shim_allocations, 0);
}

/* --- timers --- */

static uint64_t programmed;
static unsigned fired;
static uint64_t last_when;

static void program(u64 when)
{
	programmed = when;
}

static const struct platform_ops test_platform = {.name = "test",
						  .timer_program = program};
const struct platform_ops *platform = &test_platform;

static void on_timer(struct timer *t)
{
	assert_true(t->when >= last_when);
	assert_true(t->when <= shim_now);
	assert_int_equal(t->index, -1);
	last_when = t->when;
	fired++;
}

#define TIMERS 200

static void timers_fire_in_order(void **state)
{
	static struct timer timers[TIMERS];
	unsigned armed = 0;

	srand(1);
	for (int i = 0; i < TIMERS; i++) {
		assert_int_equal(timer_reserve(), 0);
		timer_init(&timers[i], on_timer);
	}
	for (int round = 0; round < 2000; round++) {
		struct timer *t = &timers[rand() % TIMERS];

		if (rand() % 3)
			timer_set(t, shim_now + 1 + (uint64_t)(rand() % 1000));
		else
			timer_cancel(t);
	}
	for (int i = 0; i < TIMERS; i++)
		armed += timers[i].index >= 0;
	assert_true(armed > 20);
	while (fired < armed) {
		/* The event comes at its programmed time, never later. */
		timer_arm();
		shim_now = programmed;
		timer_interrupt();
	}
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(timers[i].index, -1);
	assert_true(last_when <= 1000);
}

static unsigned periods;

static void again(struct timer *t)
{
	if (++periods < 5)
		timer_set(t, t->when + 10);
}

static void timer_rearms_itself(void **state)
{
	struct timer t;

	timer_init(&t, again);
	assert_int_equal(timer_reserve(), 0);
	programmed = 0;
	timer_set(&t, shim_now + 10);
	assert_int_equal(programmed, 0); /* not before the kernel is left */
	timer_arm();
	assert_int_equal(programmed, shim_now + 10);
	shim_now += 1000; /* all periods are due at once */
	timer_interrupt();
	assert_int_equal(periods, 5);
	assert_int_equal(t.index, -1);
}

/* --- formatting --- */

#define SAME(...)                                                                        \
	do {                                                                             \
		char ours[200], theirs[200];                                             \
		int a = nub_snprintf(ours, sizeof(ours), __VA_ARGS__);                   \
		int b = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                   \
		assert_string_equal(ours, theirs);                                       \
		assert_int_equal(a, b);                                                  \
	} while (0)

static void formats_like_libc(void **state)
{
	char small[8];

	SAME("plain %% text");
	SAME("%d %d %d %i", 0, -1, 2147483647, -2147483647 - 1);
	SAME("%u %x %X %o", 4294967295u, 0xdeadbeefu, 0xabcu, 8u);
	SAME("%ld %lu %lx %llx %zu", -5L, ~0UL, 1UL << 63, ~0ULL, (size_t)77);
	SAME("[%5d] [%-5d] [%05d] [%+d] [%5d]", 42, 42, 42, 42, -42);
	SAME("[%8x] [%-8x] [%08x] [%#x] [%#lx]", 0xabu, 0xabu, 0xabu, 0xabu, 0UL);
	SAME("[%10s] [%-10s] [%.2s] [%*s] [%.*s]", "abc", "abc", "abc", 6, "x", 1, "yz");
	SAME("%c%c %p", 'a', 'b', (void *)0x1234);
	SAME("%.3d %.5u", 7, 12u);
	SAME("%08lx-%08lx %c%c%c%c %08lx 00:01 %-10lu%s%s", 1UL, 2UL, 'r', 'w', 'x', 'p',
	     3UL, 4UL, "    ", "name");
	assert_int_equal(nub_snprintf(small, sizeof(small), "%s", "much too long"), 13);
	assert_string_equal(small, "much to");
	assert_int_equal(nub_snprintf(NULL, 0, "%d", 12345), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(radix_holds_what_was_set),
		cmocka_unit_test(radix_gives_back_one),
		cmocka_unit_test(radix_survives_want_of_memory),
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(timer_rearms_itself),
		cmocka_unit_test(formats_like_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
