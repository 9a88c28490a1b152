/* SPDX-License-Identifier: MIT */
/* The back ends of the stub domain's interfaces, without which a NIC of the guest is dead.
 * At the start, the back ends of its disks, too. */
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
	bool due;		  /* a look at them, from then on */
	int64_t due_ms;
};

/*
 * Follows the back ends of this stub domain's interfaces, and those of no earlier one.
 * xenstore tells of changes with this token.  The toolstack has made them already.
 */
int domain_links_watch(struct domain_links *links, uint32_t stub, const char *token,
		       struct err *err);

/* 0: all are connected.  ERR_HOST: the first that is not, and its state. */
int domain_links_check(const struct domain_links *links, struct err *err);

/* The same for a stub domain that is not followed. */
int domain_links_check_once(struct domain_host *host, const struct plan *plan,
			    uint32_t stub, struct err *err);

/* Of its disks, the first whose back end is not connected. */
int domain_links_check_disks(struct domain_host *host, const struct plan *plan,
			     uint32_t stub, struct err *err);

/*
 * xenstore has told of a change.  domain_links_follow looks at once, or a moment after its
 * last look: the stub domain can have a back end change its state all the time.
 */
void domain_links_hear(struct domain_links *links);

/* Until that look, in milliseconds; -1: there is nothing to look at. */
int domain_links_timeout(const struct domain_links *links, int64_t now_ms);

/*
 * If a look is due: says on the log which back end has gone and which has come back.
 * Keeps the fact for `stubdom status` (STUBDOM_FACT_NO_LINK).
 */
void domain_links_follow(struct domain_links *links, int64_t now_ms);

/* Its name in dom0: "00:16:3e:00:00:01 of the guest, on xenbr0". */
void domain_links_describe(const struct plan_nic *nic, char *out, size_t size);

void domain_links_free(struct domain_links *links);

#endif
