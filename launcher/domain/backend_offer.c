/* SPDX-License-Identifier: MIT */
#include "domain/backend_offer.h"

#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "xenstore_util.h"

void backend_offer_begin(struct backend_device *device, int64_t now_ms)
{
	device->offer = (struct backend_offer){
		.due_ms = now_ms + BACKEND_OFFER_ANSWER_MS,
	};
}

static bool is_state(const char *state, const char *wanted)
{
	return state && strcmp(state, wanted) == 0;
}

/* The guest has not begun. */
static bool is_untaken(const struct backend_device *device,
		       const struct backend_place *place)
{
	cleanup_free char *frontend = backend_device_read(device, place, "frontend");
	cleanup_free char *guest =
		frontend ? xenstore_read(place->host->xs, "%s/state", frontend) : NULL;

	return is_state(guest, BACKEND_INITIALISING);
}

/* QEMU waits for the guest. */
static bool is_ready(const struct backend_device *device,
		     const struct backend_place *place)
{
	cleanup_free char *stub = xenstore_read(place->host->xs, "%s/state", device->to);

	return is_state(stub, BACKEND_INIT_WAIT);
}

static void show(struct backend_device *device, const struct backend_place *place)
{
	struct err err;

	device->offer.hidden = false;
	/* The toolstack's half goes last. */
	if (!xenstore_exists(place->host->xs, "%s", device->from))
		return;
	if (backend_device_offer(device, place, &err) < 0)
		log_warn("%s", err.msg);
}

void backend_offer_tick(struct backend_device *device, const struct backend_place *place,
			int64_t now_ms)
{
	struct backend_offer *offer = &device->offer;

	if (offer->due_ms == 0 || now_ms < offer->due_ms)
		return;
	if (!offer->hidden) {
		if (offer->tries == BACKEND_OFFER_TRIES || !is_untaken(device, place)) {
			offer->due_ms = 0;
			return;
		}
		offer->tries++;
		if (is_ready(device, place)) {
			offer->hidden = true;
			backend_device_hide(device, place);
			offer->due_ms = now_ms + BACKEND_OFFER_HIDDEN_MS;
			return;
		}
	} else {
		show(device, place);
	}
	offer->due_ms = now_ms + ((int64_t)BACKEND_OFFER_ANSWER_MS << offer->tries);
}

void backend_offer_end(struct backend_device *device, const struct backend_place *place)
{
	if (device->offer.hidden)
		show(device, place);
	device->offer.due_ms = 0;
}

int backend_offer_timeout(const struct backend_device *device, int64_t now_ms)
{
	int64_t left = device->offer.due_ms - now_ms;

	if (device->offer.due_ms == 0)
		return -1;
	return left > 0 ? (int)left : 0;
}
