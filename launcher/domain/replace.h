/* SPDX-License-Identifier: MIT */
/* Another stub domain under a guest that runs: docs/replace.md. */
#ifndef STUBDOM_DOMAIN_REPLACE_H
#define STUBDOM_DOMAIN_REPLACE_H

#include <stdbool.h>

#include "domain/nodes.h"
#include "domain/requests.h"
#include "domain/watch.h"

/* Token of the watch on the node where it is asked for. */
#define DOMAIN_REPLACE "replace"

int domain_replace_watch(const struct domain_watch *watch, struct err *err);

/*
 * Answers what was asked for, if anything is new.  Blocks until the guest has either stub
 * domain: seconds, of which the guest is paused for PAUSE_MS (replace.c) at most.  Serves
 * the relay meanwhile; signals end it, and are still there.  True: the guest has a new
 * stub domain, which is watch->stub, and everything of `watch` is its.
 */
bool domain_replace(struct domain_watch *watch, struct domain_channels *channels,
		    struct domain_nodes *nodes);

#endif
