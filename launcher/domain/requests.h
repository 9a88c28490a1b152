/* SPDX-License-Identifier: MIT */
/* Opens the stub domain's vchan servers for the relay, which has no right to. */
#ifndef STUBDOM_DOMAIN_CHANNELS_H
#define STUBDOM_DOMAIN_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/backends.h"
#include "domain/disk_hotplug.h"
#include "domain/host.h"
#include "domain/pci.h"
#include "domain/relay.h"
#include "domain/waited.h"
#include "plan/plan.h"
#include "rate.h"

struct domain_channels {
	const struct plan *plan;
	struct relay *relay;
	uint32_t stub;
	/*
	 * The stub domain that is to take over.  0: none.  Its channel for QEMU's state
	 * (RELAY_STATE), which is the last of `wanted` and `offers`.  NULL: it is not opened,
	 * for QEMU takes a connection that ends for the end of a state.
	 */
	uint32_t next_stub;
	const char *next_channel;
	/* It gets no device from now on, for the next stub domain would not have it. */
	bool replaces;
	bool held;	     /* the relay has said RELAY_HELD */
	bool *wanted;	     /* by channel: the relay waits for an offer */
	struct rate *offers; /* by channel: looks at the stub domain's server */
	int64_t *dialled_ms; /* by channel: when its endpoint was last connected */
	bool console_given;
	bool silent;	      /* the relay says that QEMU does not answer */
	struct waited waited; /* since its last answer */
	struct domain_hotplug *hotplug;
	bool migrates;	   /* libxl copies the guest's memory while it runs */
	struct rate asked; /* what the relay's requests cost */
	struct domain_backends *backends;
	struct domain_pci *pci;
};

int domain_channels_init(struct domain_channels *channels, const struct plan *plan,
			 struct relay *relay, struct err *err);
void domain_channels_free(struct domain_channels *channels);

/* ERR_STUB: QEMU has been silent for as long as the plan allows. */
int domain_channels_check_silence(const struct domain_channels *channels,
				  struct err *err);

/* False: the relay has asked too much, and is not to be heard for a while. */
bool domain_channels_may_ask(struct domain_channels *channels);

/* Takes what the relay says; -1: it is gone or broken. */
int domain_channels_hear(struct domain_channels *channels, struct err *err);

/*
 * Gives the relay every wanted channel whose server waits.  Call it when
 * xenstore changed, and again after DOMAIN_CHANNELS_RETRY_MS while it returns
 * true: a server may be about to replace one that was used.
 */
bool domain_channels_serve(struct domain_channels *channels, struct domain_host *host);

enum { DOMAIN_CHANNELS_RETRY_MS = 200 };

#endif
