/* SPDX-License-Identifier: MIT */
/* Only in the kernel that tests use (kernel-nub-test): it breaks on purpose, a moment
 * after the start. nub.crash=fault (default), stack, text, invariant or none. */
#include <nub/clock.h>
#include <nub/cmdline.h>
#include <nub/panic.h>
#include <nub/printk.h>
#include <nub/sched.h>

#define LATER (500 * NS_PER_MSEC)

void test_start(void);

static __attribute__((noinline)) u64 test_recurse(volatile u64 *below)
{
	volatile u64 here[64];

	here[0] = below ? below[0] + 1 : 0;
	return here[0] == ~0ULL ? 0 : test_recurse(here) + here[0];
}

static void crash(void *arg)
{
	u64 until = clock_now() + LATER;

	while (thread_sleep(until, false) == 0)
		;
	if (cmdline_has_word("nub.crash", "none"))
		return;
	printk("nub: now the test crash\n");
	if (cmdline_has_word("nub.crash", "stack"))
		test_recurse(NULL);
	else if (cmdline_has_word("nub.crash", "text"))
		*(volatile u8 *)(u64)test_start = 0x90;
	else if (cmdline_has_word("nub.crash", "invariant"))
		ASSERT(!arg);
	else
		*(volatile u64 *)0xffff900000000000UL = 1;
}

void test_start(void)
{
	if (!kthread_create(crash, &crash, "crash"))
		panic("no thread for the crash");
}
