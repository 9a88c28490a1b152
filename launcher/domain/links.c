/* SPDX-License-Identifier: MIT */
/* The back ends of the stub domain's interfaces and disks: which are connected. */
#include "domain/links.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "log.h"
#include "xenstore_util.h"
#include "xvd.h"

enum {
	LINES_PER_S = 1,
	LINES_AT_ONCE = 100, /* each NIC a few times */
	LOOK_MS = 100,	     /* from one look to the next */
};

/* XenbusState's names, by their numbers in xenstore (xen/io/xenbus.h). */
static const char *const states[] = {
	"Unknown",   "Initialising", "InitWait", "Initialised",
	"Connected", "Closing",	     "Closed",
};

enum { N_STATES = sizeof(states) / sizeof(*states), CONNECTED = 4 };

/* Static text. */
static const char *read_state(struct domain_host *host, const char *backend)
{
	cleanup_free char *text = NULL;

	if (backend)
		text = xenstore_read(host->xs, "%s/state", backend);
	if (!text)
		return "gone";
	return text[0] >= '0' && text[0] < '0' + N_STATES && !text[1]
		       ? states[text[0] - '0']
		       : states[0];
}

static bool is_up(const char *state)
{
	return state == states[CONNECTED];
}

void domain_links_describe(const struct plan_nic *nic, char *out, size_t size)
{
	snprintf(out, size, "%.60s%s, on %.60s", nic->mac ? nic->mac : "an interface",
		 nic->mac ? " of the guest" : "",
		 nic->bridge ? nic->bridge : "no bridge");
}

/* "xenif0 (00:16:3e:00:00:01 of the guest, on xenbr0)" */
static void describe(const struct plan_nic *nic, char *out, size_t size)
{
	char whose[160];

	domain_links_describe(nic, whose, sizeof(whose));
	snprintf(out, size, "xenif%u (%s)", nic->xenif, whose);
}

/* For the caller; NULL: the device has none. */
static char *find_backend(struct domain_host *host, uint32_t stub, const char *type,
			  unsigned devid)
{
	return xenstore_read(host->xs, "/libxl/%u/device/%s/%u/backend", stub, type,
			     devid);
}

static int watch_one(struct domain_links *links, struct domain_link *link, uint32_t stub,
		     unsigned devid, const char *token, struct err *err)
{
	char path[XENSTORE_PATH_MAX];

	link->backend = find_backend(links->host, stub, "vif", devid);
	if (!link->backend)
		return 0;
	snprintf(path, sizeof(path), "%s/state", link->backend);
	if (xs_watch(links->host->xs, path, token))
		return 0;
	return err_errno(err, ERR_HOST, errno, "xenstore: watching %s", path);
}

/* Of the stub domain that was followed until now. */
static void unwatch(struct domain_links *links, const char *token)
{
	char path[XENSTORE_PATH_MAX];

	for (size_t i = 0; links->list && i < links->plan->n_nics; i++) {
		struct domain_link *link = &links->list[i];

		if (!link->backend)
			continue;
		snprintf(path, sizeof(path), "%s/state", link->backend);
		xs_unwatch(links->host->xs, path, token);
		free(link->backend);
		link->backend = NULL;
	}
}

int domain_links_watch(struct domain_links *links, uint32_t stub, const char *token,
		       struct err *err)
{
	unwatch(links, token);
	links->lines = rate_full(LINES_PER_S, LINES_AT_ONCE);
	if (!links->list)
		links->list = calloc(links->plan->n_nics + 1, sizeof(*links->list));
	if (!links->list)
		return err_set(err, ERR_HOST, "out of memory");
	for (size_t i = 0; i < links->plan->n_nics; i++)
		if (watch_one(links, &links->list[i], stub, links->plan->nics[i].xenif,
			      token, err) < 0)
			return -1;
	return 0;
}

int domain_links_check(const struct domain_links *links, struct err *err)
{
	char nic[200];

	for (size_t i = 0; i < links->plan->n_nics; i++) {
		const char *state = read_state(links->host, links->list[i].backend);

		if (is_up(state))
			continue;
		describe(&links->plan->nics[i], nic, sizeof(nic));
		return err_set(err, ERR_HOST, "%s: its back end is not connected (%s)",
			       nic, state);
	}
	return 0;
}

int domain_links_check_once(struct domain_host *host, const struct plan *plan,
			    uint32_t stub, struct err *err)
{
	struct domain_links links = {.host = host, .plan = plan};
	int rc;

	links.list = calloc(plan->n_nics + 1, sizeof(*links.list));
	if (!links.list)
		return err_set(err, ERR_HOST, "out of memory");
	for (size_t i = 0; i < plan->n_nics; i++)
		links.list[i].backend =
			find_backend(host, stub, "vif", plan->nics[i].xenif);
	rc = domain_links_check(&links, err);
	domain_links_free(&links);
	return rc;
}

int domain_links_check_disks(struct domain_host *host, const struct plan *plan,
			     uint32_t stub, struct err *err)
{
	for (size_t i = 0; i < plan->n_disks; i++) {
		const struct plan_disk *disk = &plan->disks[i];
		cleanup_free char *backend =
			find_backend(host, stub, "vbd", (unsigned)xvd_devid(disk->dev));
		const char *state = read_state(host, backend);

		if (!is_up(state))
			return err_set(err, ERR_HOST,
				       "%s (%.300s, %.60s): its back end is not "
				       "connected (%s)",
				       disk->dev, disk->target, disk->use, state);
	}
	return 0;
}

static void tell(struct domain_links *links, const char *nic, const char *state,
		 int64_t now_ms)
{
	if (rate_left(&links->lines, now_ms) == 0)
		return;
	rate_spend(&links->lines, 1);
	if (is_up(state))
		log_info("%s: its back end is connected again", nic);
	else
		log_error("%s: its back end is not connected any more (%s); the guest's "
			  "NIC has no link until it is",
			  nic, state);
}

void domain_links_hear(struct domain_links *links)
{
	links->due = true;
}

int domain_links_timeout(const struct domain_links *links, int64_t now_ms)
{
	if (!links->due)
		return -1;
	return links->due_ms > now_ms ? (int)(links->due_ms - now_ms) : 0;
}

void domain_links_follow(struct domain_links *links, int64_t now_ms)
{
	char down[1024] = "";
	size_t length = 0;
	struct err err;

	if (domain_links_timeout(links, now_ms) != 0)
		return;
	links->due = false;
	links->due_ms = now_ms + LOOK_MS;
	for (size_t i = 0; i < links->plan->n_nics; i++) {
		struct domain_link *link = &links->list[i];
		const char *state = read_state(links->host, link->backend);
		char nic[200];

		describe(&links->plan->nics[i], nic, sizeof(nic));
		if (link->down == is_up(state))
			tell(links, nic, state, now_ms);
		link->down = !is_up(state);
		if (link->down && length < sizeof(down))
			length += (size_t)snprintf(
				down + length, sizeof(down) - length,
				"%s%s: its back end is not connected (%s)",
				length ? "; " : "", nic, state);
	}
	if (!down[0])
		xenstore_remove(links->host->xs,
				STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_NO_LINK,
				links->plan->guest_domid);
	else if (xenstore_write(links->host->xs, &err, down,
				STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_NO_LINK,
				links->plan->guest_domid) < 0)
		log_warn("%s", err.msg);
}

void domain_links_free(struct domain_links *links)
{
	for (size_t i = 0; links->list && i < links->plan->n_nics; i++)
		free(links->list[i].backend);
	free(links->list);
	links->list = NULL;
}
