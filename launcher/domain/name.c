/* SPDX-License-Identifier: MIT */
/* The stub domain's name follows its guest's. */
#include "domain/name.h"

#include <libxl_utils.h>
#include <stdio.h>
#include <string.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "domain/create.h"
#include "domain/tell.h"
#include "log.h"
#include "xenstore_util.h"

static void record(struct domain_host *host, const struct plan *plan, uint32_t stub,
		   const char *guest)
{
	struct err err;

	tell_name(guest);
	if (xenstore_write(host->xs, &err, guest,
			   STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_GUEST,
			   plan->guest_domid) < 0 ||
	    xenstore_write(host->xs, &err, guest,
			   "/local/domain/%u/" DOMAIN_XS_GUEST_NAME, stub) < 0)
		log_warn("%s", err.msg);
}

int domain_name_follow(struct domain_host *host, const struct plan *plan, uint32_t stub)
{
	cleanup_free char *guest =
		xenstore_read(host->xs, "/local/domain/%u/name", plan->guest_domid);
	cleanup_free char *name = xenstore_read(host->xs, "/local/domain/%u/name", stub);
	cleanup_free char *wanted = NULL;
	uint32_t other;

	/* Without its nodes a domain is on its way out. */
	if (!guest || !name || asprintf(&wanted, "%s-dm", guest) < 0 ||
	    strcmp(name, wanted) == 0)
		return 0;
	if (libxl_name_to_domid(host->libxl, wanted, &other) == 0)
		return 1;
	if (libxl_domain_rename(host->libxl, stub, name, wanted))
		return 1;
	log_info("%s, domain %u, is called %s now, as its guest is called %s", name, stub,
		 wanted, guest);
	record(host, plan, stub, guest);
	return 0;
}
