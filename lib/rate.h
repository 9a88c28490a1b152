/* SPDX-License-Identifier: MIT */
/* A rate limit: a bucket that fills up again. */
#ifndef STUBDOM_RATE_H
#define STUBDOM_RATE_H

#include <stdint.h>

struct rate {
	int64_t per_s;
	int64_t most; /* as much may come at once */
	int64_t left;
	int64_t filled_ms;
};

static inline struct rate rate_full(int64_t per_s, int64_t most)
{
	return (struct rate){.per_s = per_s, .most = most, .left = most};
}

/* The amount that may come now. */
static inline int64_t rate_left(struct rate *rate, int64_t now_ms)
{
	int64_t more = (now_ms - rate->filled_ms) * rate->per_s / 1000;

	if (more > 0) {
		rate->left =
			more > rate->most - rate->left ? rate->most : rate->left + more;
		rate->filled_ms = now_ms;
	}
	return rate->left > 0 ? rate->left : 0;
}

static inline void rate_spend(struct rate *rate, int64_t n)
{
	rate->left -= n;
}

#endif
