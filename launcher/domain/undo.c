/* SPDX-License-Identifier: MIT */
/* Takes back all that a launcher made in dom0 for one guest. */
#include "domain/undo.h"

#include "domain/cgroup.h"
#include "domain/core.h"
#include "domain/create.h"
#include "domain/facts.h"
#include "domain/memory.h"
#include "domain/pci.h"
#include "domain/run_dir.h"
#include "endpoint/endpoint.h"
#include "xenstore_util.h"

/*
 * Our facts, by which the nodes of PCI devices are found.  Also the toolstack's node for
 * the device model if the guest is gone: the toolstack may have removed it just before we
 * wrote to it.
 */
static void remove_nodes(struct domain_host *host, const struct plan *plan)
{
	domain_pci_undo(host, plan->guest_domid);
	domain_facts_remove(host, plan);
	if (domain_host_life(host, plan->guest_domid) == DOMAIN_LIFE_GONE)
		xenstore_remove(host->xs, "/local/domain/0/device-model/%u",
				plan->guest_domid);
}

int domain_undo(struct domain_host *host, const struct plan *plan, const libxl_uuid *uuid,
		struct relay *relay, const struct orphan *orphan, struct err *err)
{
	int rc = 0;

	if (host->libxl) {
		if (plan->core && orphan && orphan_is_new(host, plan, orphan))
			domain_core_take(host, plan, uuid);
		rc = domain_remove(host, uuid, err);
		domain_memory_give_back(host);
	}
	/* After the domain, whose last words it delivers; before the sockets it serves. */
	if (relay)
		relay_stop(relay);
	for (size_t i = 0; i < plan->n_channels; i++)
		endpoint_tidy(&plan->channels[i].endpoint);
	if (host->libxl && rc == 0 && orphan)
		orphan_stay(host, plan, orphan);
	if (plan->core)
		domain_core_drop(plan);
	run_dir_remove(plan);
	domain_cgroup_remove(plan);
	/* Last: the guest's next device model waits for it.  By its facts `stubdom list` and
	 * `doctor` name a stub domain that is still there. */
	if (host->libxl) {
		if (rc == 0)
			remove_nodes(host, plan);
		domain_host_close(host);
	}
	return rc;
}

void domain_undo_left(struct domain_host *host, uint32_t guest)
{
	const struct plan left = {.guest_domid = guest};

	remove_nodes(host, &left);
	run_dir_remove(&left);
	domain_cgroup_remove(&left);
}
