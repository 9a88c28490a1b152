/* SPDX-License-Identifier: MIT */
/* Limits of a guest's interfaces that the toolstack sets after its device model has
 * started. */
#include "domain/vif_rate.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "xenstore_util.h"

static void copy_one(struct domain_host *host, const struct plan *plan, uint32_t stub,
		     const struct plan_nic *nic)
{
	cleanup_free char *rate = NULL;
	cleanup_free char *now = NULL;
	unsigned guest, devid;
	struct err err;

	/* libxl's name of the tap says which of the guest's vifs it belongs to. */
	if (!nic->vifname || sscanf(nic->vifname, "vif%u.%u-emu", &guest, &devid) != 2 ||
	    guest != plan->guest_domid)
		return;
	rate = xenstore_read(host->xs, DOMAIN_VIF_RATE_NODES "/%u/rate", guest, devid);
	now = xenstore_read(host->xs, DOMAIN_VIF_RATE_NODES "/%u/rate", stub, nic->xenif);
	if (!rate || (now && strcmp(rate, now) == 0) ||
	    !xenstore_exists(host->xs, DOMAIN_VIF_RATE_NODES "/%u", stub, nic->xenif))
		return;
	if (xenstore_write(host->xs, &err, rate, DOMAIN_VIF_RATE_NODES "/%u/rate", stub,
			   nic->xenif) < 0)
		log_warn("%s", err.msg);
	else
		log_info("%s: %s has the rate of the guest's vif, %s bytes,us",
			 plan->name, nic->vifname, rate);
}

void domain_vif_rate_copy(struct domain_host *host, const struct plan *plan,
			  uint32_t stub)
{
	for (size_t i = 0; i < plan->n_nics; i++)
		copy_one(host, plan, stub, &plan->nics[i]);
}
