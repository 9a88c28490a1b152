/* SPDX-License-Identifier: MIT */
/* Orders that a toolstack gives to every domain, and so to the stub domain, too. */
#ifndef STUBDOM_DOMAIN_ORDERS_H
#define STUBDOM_DOMAIN_ORDERS_H

#include <stdint.h>

#include "domain/host.h"
#include "plan/plan.h"

/*
 * The launcher decides what an order means for the stub domain: docs/lifecycle.md, Orders
 * to the stub domain.
 */
struct domain_orders {
	int console_lock; /* -1: somebody else had it */
	uint32_t stub;
};

/*
 * Before the stub domain runs: hides orders to shut down and SysRq keys from its kernel,
 * because Linux would carry them out by itself.  Keeps `xl console` from taking lines
 * from the log.  The watches that call for domain_orders_answer have `token`.
 */
int domain_orders_take(struct domain_orders *orders, struct domain_host *host,
		       uint32_t stub, const char *token, struct err *err);

/* Acknowledges the orders since then, or takes them back, with a line in the log. */
void domain_orders_answer(const struct domain_orders *orders, struct domain_host *host,
			  const struct plan *plan);

void domain_orders_free(struct domain_orders *orders);

#endif
