/* SPDX-License-Identifier: MIT */
/* Takes a stub domain away, in any state. */
#include <errno.h>
#include <libxl_utils.h>
#include <string.h>

#include "abi/boot.h"
#include "cleanup.h"
#include "clock.h"
#include "domain/create.h"
#include "log.h"
#include "xenstore_util.h"

/*
 * The block script refuses a disk that a domain of another VM holds.  Without this node
 * the stub domain counts as no VM.  So the guest can be created again while its old stub
 * domain still goes; xl reboot does it at once.
 */
static void leave_vm(struct domain_host *host, uint32_t domid)
{
	cleanup_free char *vm = xenstore_read(host->xs, "/local/domain/%u/vm", domid);

	if (!vm)
		return;
	xenstore_remove(host->xs, "/local/domain/%u/vm", domid);
	if (strncmp(vm, "/vm/", 4) == 0)
		xenstore_remove(host->xs, "%s", vm);
}

enum { FLUSH_MS = 10000, END_POLL_MS = 50 };

static bool ask_end(struct domain_host *host, uint32_t domid, const char *how, int ms)
{
	struct err err;

	if (xenstore_write(host->xs, &err, how, "/local/domain/%u/" STUBDOM_XS_END,
			   domid) < 0) {
		log_warn("%s", err.msg);
		return false;
	}
	for (int waited = 0; waited < ms; waited += END_POLL_MS) {
		if (domain_host_life(host, domid) != DOMAIN_LIFE_ALIVE)
			return true;
		clock_wait_ms(END_POLL_MS);
	}
	return false;
}

bool domain_ask_leave(struct domain_host *host, uint32_t domid, int ms)
{
	return ask_end(host, domid, STUBDOM_END_NOW, ms);
}

static bool holds_writes(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_disks; i++) {
		const struct plan_disk *disk = &plan->disks[i];

		if (!disk->readonly &&
		    (plan->kernel == STUBOPT_KERNEL_LINUX || !disk->format ||
		     strcmp(disk->format, "raw") != 0))
			return true;
	}
	return false;
}

void domain_flush(struct domain_host *host, const struct plan *plan, bool changed,
		  uint32_t domid)
{
	if (!changed && !holds_writes(plan))
		return;
	leave_vm(host, domid);
	if (ask_end(host, domid, "1", FLUSH_MS))
		return;
	log_warn("%s did not end by itself in %d s; writes that its guest did not "
		 "flush may be lost",
		 plan->name, FLUSH_MS / 1000);
}

/* Xen lists it while the guest's ioreq server holds it; nothing else is left of it. */
static bool is_removed(struct domain_host *host, uint32_t domid)
{
	return domain_host_life(host, domid) == DOMAIN_LIFE_GONE &&
	       !xenstore_exists(host->xs, "/local/domain/%u", domid) &&
	       !xenstore_exists(host->xs, "/libxl/%u", domid);
}

int domain_remove_one(struct domain_host *host, uint32_t domid, struct err *err)
{
	if (is_removed(host, domid))
		return 0;
	/* From here on the guest's disks do not change any more. */
	xc_domain_pause(host->xc, domid);
	leave_vm(host, domid);
	/*
	 * With it libxl takes the domain for a stub domain of its own, and the guest's QMP
	 * sockets away, which another domain may serve.  Not earlier: the block script lets
	 * a domain with a target share a file.
	 */
	xenstore_remove(host->xs, "/local/domain/%u/target", domid);
	domain_host_forget_error(host);
	if (libxl_domain_destroy(host->libxl, domid, NULL) == 0)
		return 0;
	/* Another toolstack process may have been faster. */
	if (is_removed(host, domid))
		return 0;
	/*
	 * libxl may have only begun to make it: then parts that it would undo are
	 * missing.
	 */
	if (xc_domain_destroy(host->xc, domid) < 0 &&
	    domain_host_life(host, domid) != DOMAIN_LIFE_GONE)
		return domain_host_error(
			host, err, "destroying the stub domain %u; try 'xl destroy %u'",
			domid, domid);
	xenstore_remove(host->xs, "/local/domain/%u", domid);
	xenstore_remove(host->xs, "/libxl/%u", domid);
	return 0;
}

int domain_remove(struct domain_host *host, const libxl_uuid *uuid, struct err *err)
{
	uint32_t domid;
	int rc = 0;

	for (uint32_t from = 1; domain_host_find(host, uuid, from, &domid) == 0;
	     from = domid + 1)
		rc |= domain_remove_one(host, domid, err);
	return rc ? -1 : 0;
}
