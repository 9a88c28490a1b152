/* SPDX-License-Identifier: MIT */
/* nub.trace=hypercalls: prints the hypercalls that programs make, each kind once. */
#include "calltrace.h"

#include <nub/cmdline.h>
#include <nub/printk.h>

#define KINDS_MAX 128u

static struct {
	const char *what;
	u32 detail;
	u64 first, second;
	u64 calls, next;
} seen[KINDS_MAX];
static u32 n_seen;
static bool on;

static u64 round_up(u64 n)
{
	u64 p = n ? 1 : 0;

	while (p < n)
		p <<= 1;
	return p;
}

void calltrace_init(void)
{
	on = cmdline_has_word("nub.trace", "hypercalls");
}

void calltrace_note(const char *what, u32 detail, u64 first, u64 second)
{
	u32 i;

	if (likely(!on))
		return;
	second = round_up(MIN(second, 1UL << 62));
	for (i = 0; i < n_seen; i++)
		if (seen[i].what == what && seen[i].detail == detail &&
		    seen[i].first == first && seen[i].second == second)
			break;
	if (i == KINDS_MAX) {
		printk_once("hypercall: more kinds than are kept\n");
		return;
	}
	if (i == n_seen) {
		n_seen++;
		seen[i].what = what;
		seen[i].detail = detail;
		seen[i].first = first;
		seen[i].second = second;
		seen[i].next = 1;
	}
	if (++seen[i].calls < seen[i].next)
		return;
	printk("hypercall: %s %u, %lu and %lu: call %lu\n", what, detail, first, second,
	       seen[i].calls);
	seen[i].next *= 10;
}
