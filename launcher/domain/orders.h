/* SPDX-License-Identifier: MIT */
/* Orders that a toolstack gives to every domain, and so to the stub domain, too. */
#ifndef STUBDOM_DOMAIN_ORDERS_H
#define STUBDOM_DOMAIN_ORDERS_H

#include <stdint.h>

#include "domain/host.h"
#include "plan/plan.h"

/*
 * What an order means for the stub domain is the launcher's to say: docs/lifecycle.md,
 * Orders to the stub domain.
 */
struct domain_orders {
	int console_lock; /* -1: somebody else had it */
	uint32_t stub;
};

/*
 * Before the stub domain runs: its kernel does not see orders to shut down and SysRq
 * keys, which Linux would carry out by itself, and `xl console` does not take lines from
 * the log.  The watches that call for domain_orders_answer have `token`.
 */
int domain_orders_take(struct domain_orders *orders, struct domain_host *host,
		       uint32_t stub, const char *token, struct err *err);

/* Acknowledges what was ordered since, or takes it back, with a line in the log. */
void domain_orders_answer(const struct domain_orders *orders, struct domain_host *host,
			  const struct plan *plan);

void domain_orders_free(struct domain_orders *orders);

#endif
