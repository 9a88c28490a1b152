/* SPDX-License-Identifier: MIT */
/* The end of a replacement: the guest goes to the new stub domain, or back to the old one. */
#include "domain/replace_end.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "domain/create.h"
#include "domain/disk_cut.h"
#include "domain/disk_settle.h"
#include "domain/facts.h"
#include "domain/name.h"
#include "domain/replace_vcpus.h"
#include "domain/vif_rate.h"
#include "log.h"
#include "plan/handover.h"

enum {
	BACK_MS = ASKER_BACK_MS + 15000, /* the child may be at an earlier step still */
	SETTLE_MS = 60000,		 /* for dom0's disks, slow ones, too */
	END_MS = 5000,			 /* for a QEMU to end by itself */
	LEAVE_MS = 20000, /* the same, of an old one: the guest runs meanwhile */
};

/*
 * The new QEMU has no part in the guest any more.  It may have written to a qcow2 file's
 * tables as it loaded; these are whole before the old one reads them again.  Only disks
 * that do not finish a write are waited for: libxl takes the domain away when the guest runs.
 */
static bool new_is_away(struct replace *r, struct err *err)
{
	const struct domain_watch *watch = r->watch;
	int64_t until = clock_ms() + SETTLE_MS;

	if (r->next.torn)
		return err_set(err, ERR_STUB, "the new one may serve the guest") == 0;
	xc_domain_pause(watch->host->xc, r->next.stub);
	return domain_disks_cut(watch->host, r->next.stub, watch->signals, until, err) ==
		       0 &&
	       domain_disks_settle(watch->hotplug->disks, watch->signals, until, err) ==
		       0;
}

/* Whether the old QEMU serves the guest again. */
static bool old_goes_on(struct replace *r, struct err *err)
{
	if (r->gave_state && !new_is_away(r, err))
		return false;
	if (!replace_stub_lives(r))
		return err_set(err, ERR_STUB, "its stub domain has ended, too") == 0;
	/* A toolstack that saves the guest lets QEMU go on afterwards, and not earlier. */
	return !r->asked_save || replace_guest_life(r) == DOMAIN_LIFE_SHUTDOWN ||
	       replace_resume_old(r, clock_ms() + BACK_MS, err) == 0 ||
	       replace_guest_life(r) == DOMAIN_LIFE_SHUTDOWN;
}

/* Returns the guest to the old QEMU, which has everything still. */
static void give_back(struct replace *r, struct err *err)
{
	uint32_t guest = r->watch->plan->guest_domid;
	struct err why = {0};

	if (!old_goes_on(r, &why)) {
		log_error("the old QEMU does not go on: %s; the guest stays paused, and "
			  "'xl destroy %u' ends it",
			  why.msg, guest);
		err_prefix(err, "the guest stays paused, 'xl destroy %u' ends it", guest);
		return;
	}
	if (xc_domain_unpause(r->watch->host->xc, guest) < 0)
		log_error("the guest stays paused ('xl unpause %u'): %s", guest,
			  strerror(errno));
	err_prefix(err, "the guest was paused for %lld ms",
		   (long long)(clock_ms() - r->paused_ms));
}

void replace_go_back(struct replace *r, struct err *err)
{
	struct domain_watch *watch = r->watch;

	r->channels->next_stub = 0;
	r->channels->next_channel = NULL;
	r->channels->console_given = false;
	r->goes_back = true;
	/* A guest that is being saved, too: it may go on afterwards, and our pause is ours. */
	if (r->paused_ms && replace_guest_life(r) != DOMAIN_LIFE_GONE)
		give_back(r, err);
	replace_let_go(r);
	/* With the state it stands still, or does not go. */
	replace_new_drop(&r->next, watch, r->gave_state ? 0 : END_MS);
}

/* It keeps evidence, with the manifest that it was started with.  There is always one. */
static void renew_guardian(struct domain_watch *watch)
{
	struct guardian old = *watch->guardian;
	struct err err;

	watch->guardian->manifest = watch->manifest;
	if (guardian_start(watch->guardian, watch->plan, watch->uuid, watch->host->libxl,
			   watch->relay->pidfd, &err) == 0) {
		guardian_stop(&old);
		return;
	}
	log_error("%s", err.msg);
	*watch->guardian = old;
}

/* Changes that `stubdom replace` was asked for stay until the guest ends. */
static void adopt_options(struct replace *r)
{
	struct domain_watch *watch = r->watch;

	watch->memory_mb = r->wish.memory_mb ? r->wish.memory_mb : watch->memory_mb;
	watch->vcpus = r->wish.vcpus ? r->wish.vcpus : watch->vcpus;
	watch->plan->kernel = r->next.plan.kernel;
	watch->plan->type = r->next.plan.type;
	if (!r->next.rewired)
		return;
	plan_drop_topology(watch->plan);
	watch->plan->topology_file = r->next.plan.topology_file;
	watch->plan->topology = r->next.plan.topology;
	watch->plan->n_topology = r->next.plan.n_topology;
	r->next.rewired = false;
}

/* Everything that names the stub domain names the new one from now on. */
static void adopt(struct replace *r)
{
	struct domain_watch *watch = r->watch;
	struct domain_hotplug *hotplug = watch->hotplug;
	struct err err;

	domain_nodes_unwatch(r->nodes);
	adopt_options(r);
	watch->stub = hotplug->stub = watch->pci->stub = r->next.stub;
	domain_orders_free(watch->orders);
	*watch->orders = r->next.orders;
	r->next.orders.console_lock = -1;
	domain_config_free(&hotplug->config);
	hotplug->config = r->next.config;
	r->next.config = (struct domain_config){0};
	replace_new_keep_root(&r->next, hotplug->disks);
	manifest_free(&watch->replaced);
	watch->replaced = r->next.manifest;
	watch->manifest = &watch->replaced;
	r->next.manifest = (struct manifest){.fd = -1};
	r->channels->stub = r->next.stub;
	r->channels->next_stub = 0;
	r->channels->next_channel = NULL;
	if (domain_nodes_watch(r->nodes, watch->host->xs, watch->stub, &err) < 0 ||
	    domain_watch_name(watch->host, watch->stub, &err) < 0)
		log_error("%s", err.msg);
	if (domain_facts_write(watch->host, watch->plan, watch->manifest, watch->stub,
			       watch->relay->landlock, &err) < 0)
		log_warn("%s", err.msg);
	renew_guardian(watch);
}

/* Meanwhile the clients are connected to the new one. */
static bool old_leaves(struct replace *r, uint32_t old)
{
	struct domain_host *host = r->watch->host;
	int64_t until = clock_ms() + LEAVE_MS;
	struct err ignored;

	domain_ask_leave(host, old, 0);
	while (domain_host_life(host, old) == DOMAIN_LIFE_ALIVE)
		if (replace_serve(r, until, &ignored) < 0)
			return domain_host_life(host, old) != DOMAIN_LIFE_ALIVE;
	return true;
}

static void tell_switch(struct replace *r)
{
	struct relay_msg msg = {.type = RELAY_SWITCH};
	struct err err;
	cleanup_fd int schema = plan_hand_over_schema(r->watch->manifest->schema, &err);

	if (schema < 0)
		log_error("%s", err.msg);
	relay_msg_send(r->watch->relay->control, &msg, &schema, schema >= 0);
}

static void tell_left(struct replace *r)
{
	struct relay_msg msg = {.type = RELAY_LEFT};

	relay_msg_send(r->watch->relay->control, &msg, NULL, 0);
}

void replace_commit(struct replace *r)
{
	struct domain_watch *watch = r->watch;
	uint32_t old = watch->stub;
	bool went_on;
	struct err err;

	*watch->host->freed_kb = 0; /* the new stub domain's now, to its end */
	/* The guest looks at them when it runs; the kind was checked when it was paused. */
	if (domain_backends_switch(watch->backends, r->next.stub, &err) < 0)
		log_error("%s", err.msg);
	r->paused_ms = replace_unpause(watch->host, watch->plan->guest_domid, &went_on) -
		       r->paused_ms;
	replace_enter(r, PHASE_END);
	adopt(r);
	tell_switch(r);
	/* Commands that waited may bring a device: to the stub domain that stays. */
	r->channels->replaces = false;
	replace_let_go(r);
	asker_stop(&r->asker);
	log_info("domain %u runs the device model of domain %u, in place of domain %u",
		 watch->stub, watch->plan->guest_domid, old);
	if (!went_on || !old_leaves(r, old))
		log_warn("QEMU in domain %u did not end by itself; Xen lists the domain "
			 "until the guest ends",
			 old);
	tell_left(r);
	if (domain_remove_one(watch->host, old, &err) < 0)
		log_error("%s", err.msg);
	domain_name_follow(watch->host, watch->plan, watch->stub);
	domain_vif_rate_copy(watch->host, watch->plan, watch->stub);
	replace_enter(r, PHASES);
}
