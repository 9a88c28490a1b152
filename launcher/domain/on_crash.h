/* SPDX-License-Identifier: MIT */
/* The fate of a guest whose stub domain has died under it. */
#ifndef STUBDOM_DOMAIN_ON_CRASH_H
#define STUBDOM_DOMAIN_ON_CRASH_H

#include "domain/host.h"
#include "plan/plan.h"

/* After so many deaths in ten minutes the next one is not followed by a restart. */
enum { ON_CRASH_RESTARTS = 3 };

/*
 * The plan's fate of a guest that died `died_before` times in the last ten minutes.  A
 * restart becomes `leave` for one that dies again and again.  died_before < 0: its deaths
 * could not be counted, so it is not restarted either.
 */
enum stubopt_on_crash on_crash_choose(const struct plan *plan, int died_before);

/*
 * Does it.  A guest that is shut down already (for a save, say) is its toolstack's: it is
 * neither destroyed nor restarted.  A restart tells the toolstack that the guest reboots;
 * the toolstack then destroys it, which reaches the caller as a signal.  A failure is a
 * line in the log, and the guest is left as it is.
 */
void on_crash_act(struct domain_host *host, const struct plan *plan,
		  enum stubopt_on_crash action);

#endif
