/* SPDX-License-Identifier: MIT */
/* Symbol look-up in the table that scripts/ksyms.py makes after the first link. */
#include <nub/ksyms.h>

/* Sorted (offset from kernel_start, offset of the name) pairs, then the names. Weak: the
 * first link has none. */
extern const u32 ksym_count __attribute__((weak));
extern const u32 ksym_table[][2] __attribute__((weak));
extern const char ksym_names[] __attribute__((weak));
extern char kernel_start[], text_end[];

const char *ksym_lookup(u64 addr, u64 *offset)
{
	u32 rel, lo = 0, hi;

	if (!&ksym_count || addr < (u64)kernel_start || addr >= (u64)text_end)
		return NULL;
	rel = (u32)(addr - (u64)kernel_start);
	hi = ksym_count;
	while (hi - lo > 1) {
		u32 mid = (lo + hi) / 2;

		if (ksym_table[mid][0] <= rel)
			lo = mid;
		else
			hi = mid;
	}
	*offset = rel - ksym_table[lo][0];
	return ksym_names + ksym_table[lo][1];
}
