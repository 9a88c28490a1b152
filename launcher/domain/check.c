/* SPDX-License-Identifier: MIT */
/* Checks before a stub domain is made. */
#include <errno.h>
#include <libxl_utils.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "clock.h"
#include "decimal.h"
#include "domain/create.h"
#include "domain/undo.h"
#include "log.h"
#include "xenstore_util.h"

enum {
	NAME_WAIT_S = 20,
	EARLIER_POLL_MS = 50,
	ORPHAN_MS = 5000, /* before that, an orphan is removed */
};

/* Foreign mappings by PVH domains: Xen 4.19. */
static int check_xen(struct domain_host *host, const struct plan *plan, struct err *err)
{
	const libxl_version_info *info = libxl_get_version_info(host->libxl);

	if (!info)
		return domain_host_error(host, err, "asking Xen for its version");
	if (plan->type == STUBOPT_TYPE_PVH &&
	    (info->xen_version_major < 4 ||
	     (info->xen_version_major == 4 && info->xen_version_minor < 19)))
		return err_set(
			err, ERR_HOST,
			"Xen %d.%d cannot run a device model in a PVH domain (4.19 "
			"can); give the option '-stubdom kernel=linux,type=pv'",
			info->xen_version_major, info->xen_version_minor);
	return 0;
}

/* libxl only warns, in a log that nobody reads, and gives the domain Xen's default. */
static int check_label(struct domain_host *host, const struct plan *plan, struct err *err)
{
	uint32_t sid;

	if (!plan->seclabel ||
	    libxl_flask_context_to_sid(host->libxl, plan->seclabel,
				       strlen(plan->seclabel), &sid) == 0)
		return 0;
	if (errno == ENOSYS)
		return err_set(
			err, ERR_HOST,
			"-stubdom seclabel=%s: this Xen enforces no policy: it was "
			"built without XSM, or booted with flask=disabled; leave "
			"the label out, or boot such a Xen",
			plan->seclabel);
	return err_errno(err, ERR_HOST, errno,
			 "-stubdom seclabel=%s: not in Xen's policy (xl loadpolicy)",
			 plan->seclabel);
}

static int check_size(const struct plan *plan, const struct manifest *manifest,
		      struct err *err)
{
	unsigned long long least = plan_least_mb(plan, manifest);

	if (plan->memory_mb >= least)
		return 0;
	return err_set(err, ERR_USAGE,
		       "-stubdom memory=%u is too little for this image, which needs at "
		       "least %llu; leave it out to have it worked out",
		       plan->memory_mb, least);
}

/* pid: the text of a node; NULL: there is none. */
static bool process_lives(const char *pid)
{
	return pid && atoi(pid) > 1 && kill(atoi(pid), 0) == 0;
}

/* Whether the launcher that the domain names, or its guardian, can still be at work.
 * With both gone, only this launcher is left to remove it. */
static bool launcher_alive(struct domain_host *host, uint32_t domid)
{
	cleanup_free char *pid =
		xenstore_read(host->xs, "/local/domain/%u/" DOMAIN_XS_LAUNCHER, domid);

	return process_lives(pid);
}

/*
 * Removes a stub domain of ours whose guest is gone and whose launcher is, too.  guest:
 * that guest's domain id; 0: not known.
 */
static int remove_orphan(struct domain_host *host, const char *name, uint32_t domid,
			 uint32_t guest, struct err *err)
{
	libxl_dominfo info;
	libxl_uuid uuid;
	int rc;

	libxl_dominfo_init(&info);
	rc = libxl_domain_info(host->libxl, &info, domid);
	uuid = info.uuid;
	libxl_dominfo_dispose(&info);
	if (rc)
		return 0;
	log_warn("removing domain %u, %s, that an earlier launcher left behind", domid,
		 name);
	if (domain_remove(host, &uuid, err) < 0)
		return -1;
	if (guest)
		domain_undo_left(host, guest);
	return 0;
}

/* Waits until xenstore says that a domain went, or a second has passed. */
static void wait_release(struct domain_host *host)
{
	struct pollfd pfd = {.fd = xs_fileno(host->xs), .events = POLLIN};

	if (poll(&pfd, 1, 1000) > 0)
		free(xs_check_watch(host->xs));
}

/*
 * libxl gives a guest that lives another device model when its kernel has started another
 * one (a soft reset).  The first one still tidies up what the second one makes; its
 * facts go last.
 */
static int wait_earlier(struct domain_host *host, const struct plan *plan, int64_t until,
			struct err *err)
{
	bool said = false;

	for (;;) {
		cleanup_free char *pid = xenstore_read(
			host->xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_LAUNCHER,
			plan->guest_domid);

		if (!process_lives(pid))
			return 0;
		if (clock_ms() >= until)
			return err_set(
				err, ERR_HOST,
				"the earlier device model of domain %u, process %s, "
				"is still there after %d s; 'ps %s' shows whether it is "
				"stubdom-dm; then 'kill -9 %s'",
				plan->guest_domid, pid, NAME_WAIT_S, pid, pid);
		if (!said)
			log_info(
				"waiting for the earlier device model of domain %u, process "
				"%s, to end",
				plan->guest_domid, pid);
		said = true;
		clock_wait_ms(EARLIER_POLL_MS);
	}
}

static int check_name(struct domain_host *host, const struct plan *plan, int64_t until,
		      struct err *err)
{
	bool watching = false;
	bool said = false;
	uint32_t domid;
	int rc = 0;

	while (libxl_name_to_domid(host->libxl, plan->name, &domid) == 0) {
		cleanup_free char *target =
			xenstore_read(host->xs, "/local/domain/%u/target", domid);
		bool ours = xenstore_exists(
			host->xs, "/local/domain/%u/" DOMAIN_XS_LAUNCHER, domid);
		unsigned guest = 0; /* what is no number counts as dom0, which lives */

		decimal_parse_unsigned(target, 1, UINT32_MAX, &guest);
		/* A name without its nodes: on its way in or out, watched below. */
		if (target &&
		    (!ours || (guest != plan->guest_domid &&
			       domain_host_life(host, guest) != DOMAIN_LIFE_GONE))) {
			rc = err_set(err, ERR_HOST,
				     "there is a domain called %s already (%u); rename "
				     "it or destroy it ('xl destroy %s')",
				     plan->name, domid, plan->name);
			break;
		}
		if (!said)
			log_info("waiting for domain %u, %s, of an earlier guest to go",
				 domid, plan->name);
		said = true;
		if (ours && !launcher_alive(host, domid) &&
		    clock_ms() + ORPHAN_MS > until) {
			rc = remove_orphan(host, plan->name, domid, guest, err);
			break;
		}
		if (clock_ms() >= until) {
			rc = err_set(err, ERR_HOST,
				     "domain %u, %s, is still there after %d s; 'xl "
				     "destroy %s' removes it",
				     domid, plan->name, NAME_WAIT_S, plan->name);
			break;
		}
		if (!watching)
			watching = xs_watch(host->xs, "@releaseDomain", "name");
		wait_release(host);
	}
	if (watching)
		xs_unwatch(host->xs, "@releaseDomain", "name");
	return rc;
}

int domain_check(struct domain_host *host, const struct plan *plan,
		 const struct manifest *manifest, bool *earlier, struct err *err)
{
	int64_t until = clock_ms() + NAME_WAIT_S * INT64_C(1000);

	if (domain_host_life(host, plan->guest_domid) == DOMAIN_LIFE_GONE)
		return err_set(err, ERR_GUEST, "-xen-domid %u: there is no such domain",
			       plan->guest_domid);
	*earlier = wait_earlier(host, plan, until, err) < 0;
	if (*earlier)
		return -1;
	if (check_xen(host, plan, err) < 0 || check_label(host, plan, err) < 0 ||
	    check_size(plan, manifest, err) < 0 || check_name(host, plan, until, err) < 0)
		return -1;
	return 0;
}
