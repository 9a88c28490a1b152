/* SPDX-License-Identifier: MIT */
/* A guest whose stub domain has died. */
#ifndef STUBDOM_DOMAIN_ORPHAN_H
#define STUBDOM_DOMAIN_ORPHAN_H

#include "domain/host.h"
#include "manifest.h"
#include "plan/plan.h"

struct orphan {
	const char *why; /* the device model died */
	int code;	 /* of enum err_code: whose fault it was */
	const struct manifest *manifest;
	int signals; /* a signalfd; -1: no signal is heard */
};

/* Whether orphan_stay will keep evidence. */
bool orphan_is_new(struct domain_host *host, const struct plan *plan,
		   const struct orphan *orphan);

/*
 * Keeps the evidence (domain/evidence.h), and does with the guest what the plan says
 * (domain/on_crash.h); both once, also if a guardian comes after a launcher that was killed
 * here.  Stays until the guest is gone or a signal comes.  Until then the guest's record
 * says that its device model has died and why, and its QMP sockets answer with that.  So
 * `xl list -l` shows the guest, and a command that needs QEMU tells what is wrong.  Nothing
 * is left to serve a guest that is gone or that had not been told of yet.
 */
void orphan_stay(struct domain_host *host, const struct plan *plan,
		 const struct orphan *orphan);

#endif
