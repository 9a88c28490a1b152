/* SPDX-License-Identifier: MIT */
/* The back ends of the stub domain's interfaces: without one a NIC of the guest is dead. */
#ifndef STUBDOM_DOMAIN_LINKS_H
#define STUBDOM_DOMAIN_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/host.h"
#include "plan/plan.h"
#include "rate.h"

struct domain_link {
	char *backend; /* its path in xenstore, of libxl's record; NULL: it has none */
	bool down;     /* as it was told */
};

struct domain_links {
	struct domain_host *host;
	const struct plan *plan;
	struct domain_link *list; /* one for each of the plan's nics */
	struct rate lines;	  /* on the log: another domain may have the back end */
};

/*
 * Follows the back ends of this stub domain's interfaces, and those of no earlier one.
 * xenstore tells of changes with this token.  The toolstack has made them already.
 */
int domain_links_watch(struct domain_links *links, uint32_t stub, const char *token,
		       struct err *err);

/* 0: all are connected.  ERR_HOST: the first that is not, and its state. */
int domain_links_check(const struct domain_links *links, struct err *err);

/*
 * Says on the log which back end has gone and which has come back, and keeps the fact for
 * `stubdom status` (STUBDOM_FACT_NO_LINK).
 */
void domain_links_follow(struct domain_links *links, int64_t now_ms);

void domain_links_free(struct domain_links *links);

#endif
