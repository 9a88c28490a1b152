/* SPDX-License-Identifier: MIT */
/* The fate of a guest whose stub domain has died under it. */
#include "domain/on_crash.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <xen/sched.h>
#include <xenguest.h>

#include "log.h"

enum stubopt_on_crash on_crash_choose(const struct plan *plan, int died_before)
{
	if (plan->on_crash != STUBOPT_ON_CRASH_RESTART ||
	    (died_before >= 0 && died_before < ON_CRASH_RESTARTS))
		return plan->on_crash;
	if (died_before < 0)
		log_error(
			"on_dm_crash=restart: the deaths of %s could not be counted; its "
			"guest is left as it is",
			plan->name);
	else
		log_error(
			"on_dm_crash=restart: %s has died %d times in ten minutes before; "
			"its guest is left as it is",
			plan->name, died_before);
	return STUBOPT_ON_CRASH_LEAVE;
}

/*
 * Ends the wait of a virtual CPU for an answer of the dead QEMU, which would put a shutdown
 * off for ever.  SHUTDOWN_crash alone does (Xen, domain_shutdown).  The guest is resumed at
 * once, paused by us.  No other process of this CPU runs between: a toolstack that looked
 * would take it for a crash.
 */
static int end_waits(struct domain_host *host, uint32_t domid)
{
	const struct sched_param first = {.sched_priority = 1};
	struct sched_param before = {0};
	int policy = sched_getscheduler(0);
	bool ahead = policy >= 0 && sched_getparam(0, &before) == 0 &&
		     sched_setscheduler(0, SCHED_FIFO, &first) == 0;
	int rc = xc_domain_shutdown(host->xc, domid, SHUTDOWN_crash);
	int error;

	if (rc == 0)
		rc = xc_domain_resume(host->xc, domid, 0);
	error = errno;
	if (ahead)
		sched_setscheduler(0, policy, &before);
	errno = error;
	return rc;
}

static int tell_reboot(struct domain_host *host, uint32_t domid)
{
	/* A shutdown that waits already, for a save, would keep its reason. */
	if (xc_domain_resume(host->xc, domid, 0) < 0)
		return -1;
	if (end_waits(host, domid) < 0)
		return -1;
	/* Else xenstored thinks that it has told of this shutdown. */
	xs_resume_domain(host->xs, domid);
	return xc_domain_shutdown(host->xc, domid, SHUTDOWN_reboot);
}

static bool is_toolstacks(struct domain_host *host, uint32_t domid,
			  enum stubopt_on_crash action)
{
	if (domain_host_life(host, domid) == DOMAIN_LIFE_ALIVE)
		return false;
	log_warn("on_dm_crash=%s: domain %u is shut down; it is its toolstack's",
		 stubopt_on_crash_name(action), domid);
	return true;
}

static void pause_guest(struct domain_host *host, uint32_t domid)
{
	if (xc_domain_pause(host->xc, domid) < 0)
		log_error("on_dm_crash=pause: domain %u: %s", domid, strerror(errno));
	else
		log_info("on_dm_crash=pause: domain %u is paused", domid);
}

/* libxl ends the guest's device model first, by a signal to us. */
static void destroy(struct domain_host *host, uint32_t domid)
{
	struct err err;

	domain_host_forget_error(host);
	if (libxl_domain_destroy(host->libxl, domid, NULL) == 0) {
		log_info("on_dm_crash=destroy: domain %u is destroyed", domid);
		return;
	}
	domain_host_error(host, &err,
			  "on_dm_crash=destroy: domain %u; try 'xl destroy %u'", domid,
			  domid);
	log_error("%s", err.msg);
}

static void restart(struct domain_host *host, uint32_t domid)
{
	/* Before we look: a guest that shuts down behind our look would be resumed. */
	if (xc_domain_pause(host->xc, domid) < 0) {
		log_error("on_dm_crash=restart: domain %u: %s", domid, strerror(errno));
		return;
	}
	if (!is_toolstacks(host, domid, STUBOPT_ON_CRASH_RESTART)) {
		if (tell_reboot(host, domid) < 0)
			log_error("on_dm_crash=restart: domain %u: %s", domid,
				  strerror(errno));
		else
			log_info("on_dm_crash=restart: domain %u reboots, if its "
				 "toolstack restarts it",
				 domid);
	}
	xc_domain_unpause(host->xc, domid);
}

void on_crash_act(struct domain_host *host, const struct plan *plan,
		  enum stubopt_on_crash action)
{
	uint32_t domid = plan->guest_domid;

	if (action == STUBOPT_ON_CRASH_PAUSE)
		pause_guest(host, domid);
	else if (action == STUBOPT_ON_CRASH_RESTART)
		restart(host, domid);
	else if (action == STUBOPT_ON_CRASH_DESTROY &&
		 !is_toolstacks(host, domid, action))
		destroy(host, domid);
}
