/* SPDX-License-Identifier: MIT */
/* Runs on nub only, as PID 1.  Each bit and value that the table of calls does not know is given
 * to each call, all other arguments 0.  It must be refused with the table's error. */
#include "unknown.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

static unsigned tried, wrong;

static int call(const struct unknown_rule *r, unsigned long value)
{
	unsigned long a[6] = {0};

	a[r->arg] = value;
	errno = 0;
	return syscall(r->nr, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 ? errno : 0;
}

static void refused(const struct unknown_rule *r, unsigned long value, int error)
{
	int got = call(r, value);

	tried++;
	if (got == error)
		return;
	wrong++;
	printf("%s %#lx: %s, not %s\n", r->name, value, got ? strerrorname_np(got) : "0",
	       error ? strerrorname_np(error) : "0");
}

static int known(const struct unknown_rule *r, unsigned long value)
{
	for (unsigned i = 0; i < r->n_values; i++)
		if (r->values[i] == (value & ~r->mask))
			return 1;
	return 0;
}

static void try_bits(const struct unknown_rule *r)
{
	int error = r->error;

	if (!error) /* then an unknown bit makes no difference */
		error = call(r, 0);
	for (int i = 0; i < r->width; i++) {
		unsigned long bit = 1UL << i;

		if (!(bit & r->mask)) {
			refused(r, bit, error);
			if (r->error)
				refused(r, r->mask | bit, error);
		}
	}
}

static void try_values(const struct unknown_rule *r)
{
	unsigned long value;

	for (int i = 8; i < r->width; i++)
		if (!known(r, value = 1UL << i))
			refused(r, value, r->error);
	for (value = 0; value < 256; value++)
		if (!known(r, value))
			refused(r, value, r->error);
	for (unsigned i = 0; i < r->n_values; i++)
		if (!known(r, value = r->values[i] | 1UL << 30))
			refused(r, value, r->error);
	if (!known(r, value = 0xffffffff))
		refused(r, value, r->error);
}

int main(void)
{
	for (unsigned i = 0; i < unknown_count; i++) {
		const struct unknown_rule *r = &unknown_rules[i];

		if (r->kind == '&')
			try_bits(r);
		else if (r->kind == '=')
			try_values(r);
		else
			for (int bit = 0; bit < r->width; bit++)
				if (r->mask >> bit & 1)
					refused(r, 1UL << bit, r->error);
	}
	printf("%u rules, %u tried, %u wrong\n", unknown_count, tried, wrong);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
