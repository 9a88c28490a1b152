/* SPDX-License-Identifier: MIT */
/* How much of dom0's CPU a stub domain may take through its relay. */
#include "relay/budget.h"

#include <stdlib.h>
#include <time.h>

/* µs of a second, of each half. */
enum { HALF_US = BUDGET_PERMILLE * 1000 / 2, WAIT_MAX_MS = 1000 };

int64_t budget_cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int budget_init(struct budget *budget, size_t parties, int64_t cpu_us)
{
	int64_t share = HALF_US / (int64_t)(parties ? parties : 1);

	*budget = (struct budget){
		.common = rate_full(HALF_US, BUDGET_COMMON_MS * 1000),
		.own = calloc(parties ? parties : 1, sizeof(*budget->own)),
		.n = parties,
		.seen_us = cpu_us,
	};
	if (!budget->own)
		return -1;
	for (size_t i = 0; i < parties; i++)
		budget->own[i] = rate_full(share ? share : 1, BUDGET_OWN_MS * 1000);
	return 0;
}

void budget_free(struct budget *budget)
{
	free(budget->own);
	*budget = (struct budget){0};
}

static int64_t wait_for(const struct rate *rate)
{
	return 1 - rate->left * 1000 / rate->per_s;
}

int budget_wait_ms(struct budget *budget, size_t i, bool heard, int64_t now_ms)
{
	struct rate *own = &budget->own[i];
	int64_t wait;

	if ((heard && rate_left(&budget->common, now_ms) > 0) ||
	    rate_left(own, now_ms) > 0)
		return 0;
	wait = wait_for(own);
	if (heard && wait_for(&budget->common) < wait)
		wait = wait_for(&budget->common);
	return wait > WAIT_MAX_MS ? WAIT_MAX_MS : (int)wait;
}

void budget_charge(struct budget *budget, size_t i, bool heard, int64_t cpu_us)
{
	int64_t spent = cpu_us - budget->seen_us;

	budget->seen_us = cpu_us;
	/* The purse that let it go on pays, whatever one step costs. */
	rate_spend(heard && budget->common.left > 0 ? &budget->common : &budget->own[i],
		   spent);
}

void budget_skip(struct budget *budget, int64_t cpu_us)
{
	budget->seen_us = cpu_us;
}
