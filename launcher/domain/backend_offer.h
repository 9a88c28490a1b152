/* SPDX-License-Identifier: MIT */
/* A PV device that came while the guest runs is offered again if the guest missed it. */
#ifndef STUBDOM_DOMAIN_BACKEND_OFFER_H
#define STUBDOM_DOMAIN_BACKEND_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/backend_device.h"

/*
 * The toolstack shows a device to the guest before it is the stub domain's.  So the guest
 * may be about to take it while it is hidden (backend_device_hide).  Linux keeps it then
 * as a device without a driver, and learns of its end only if it looks while it is gone.
 * A guest that was slow to look never answers.  The device is hidden and shown again, a
 * few times only: a guest without a driver does not answer either.  While QEMU does not
 * wait for the guest yet, the guest has nothing to answer.  That time counts as one, too.
 */
enum {
	BACKEND_OFFER_TRIES = 3,
	BACKEND_OFFER_ANSWER_MS = 5000, /* and twice as long each time */
	BACKEND_OFFER_HIDDEN_MS = 3000,
};

/* The device has just been shown to the guest. */
void backend_offer_begin(struct backend_device *device, int64_t now_ms);

/* Hides or shows it when it is time, if the guest has not answered. */
void backend_offer_tick(struct backend_device *device, const struct backend_place *place,
			int64_t now_ms);

/* No more of it: the toolstack takes the device away. */
void backend_offer_end(struct backend_device *device, const struct backend_place *place);

/* After so many ms backend_offer_tick is due; -1: not at all. */
int backend_offer_timeout(const struct backend_device *device, int64_t now_ms);

#endif
