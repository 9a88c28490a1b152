/* SPDX-License-Identifier: MIT */
/* The fate of a guest whose stub domain has died under it. */
#include "domain/on_crash.h"

#include <errno.h>
#include <string.h>

#include "log.h"

void on_crash_act(struct domain_host *host, const struct plan *plan)
{
	if (plan->on_crash != STUBOPT_ON_CRASH_PAUSE)
		return;
	if (xc_domain_pause(host->xc, plan->guest_domid) < 0)
		log_error("on_dm_crash=pause: domain %u: %s", plan->guest_domid,
			  strerror(errno));
	else
		log_info("on_dm_crash=pause: domain %u is paused", plan->guest_domid);
}
