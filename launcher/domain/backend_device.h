/* SPDX-License-Identifier: MIT */
/* One PV device of the guest, on its way from dom0 to the stub domain's QEMU. */
#ifndef STUBDOM_DOMAIN_BACKEND_DEVICE_H
#define STUBDOM_DOMAIN_BACKEND_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/host.h"
#include "plan/plan.h"

/* Whose device it is, and who serves it. */
struct backend_place {
	struct domain_host *host;
	unsigned guest;
	uint32_t stub;
};

enum backend_phase {
	BACKEND_SERVED,	 /* the stub domain's state is shown in dom0's node */
	BACKEND_CLOSING, /* the toolstack takes it away */
	BACKEND_CLOSED,	 /* nobody serves it */
};

enum { BACKEND_KEPT = 3, BACKEND_KEPT_MAX = 24 };

/* Of a device that came while the guest runs (backend_offer.h). */
struct backend_offer {
	int64_t due_ms; /* 0: nothing is */
	unsigned tries;
	bool hidden;
};

struct backend_device {
	const char *type; /* of the back end: "qdisk" */
	char id[16];
	char from[128], to[128]; /* the back end's directory, in dom0 and in the stub
				    domain */
	char added[16]; /* the stub domain's disk that is for it only; "": none */
	/* The toolstack's words in the guest's half, while that is hidden. */
	char kept[BACKEND_KEPT][BACKEND_KEPT_MAX];
	enum backend_phase phase;
	struct backend_offer offer;
};

/* enum xenbus_state, as xenstore has it */
#define BACKEND_INITIALISING "1"
#define BACKEND_INIT_WAIT "2"
#define BACKEND_CLOSING_STATE "5"
#define BACKEND_CLOSED_STATE "6"

/* Fills in everything but `added`. */
void backend_device_init(struct backend_device *device, const struct backend_place *place,
			 const char *type, const char *id);

/* A node of dom0's directory, for the caller to free; NULL: it is not there. */
char *backend_device_read(const struct backend_device *device,
			  const struct backend_place *place, const char *key);

/* The ids of the guest's devices of this type in dom0; free() them. */
char **backend_device_list_ids(struct xs_handle *xs, const char *type, unsigned guest,
			       unsigned *n);

/*
 * "qcow2:/path", as libxl writes the medium of a disk: the path, and the format by QEMU's
 * name of it.  The path points into params; "" if there is no medium.
 */
const char *backend_params_split(const char *params, char format[16]);

/*
 * Takes the guest's half out of its sight, for a guest reads only once where the other
 * half is.  backend_device_move and backend_device_offer put it back.
 */
void backend_device_hide(struct backend_device *device,
			 const struct backend_place *place);

/* Shows the guest its half, which says that the stub domain has the other.  ERR_HOST. */
int backend_device_offer(const struct backend_device *device,
			 const struct backend_place *place, struct err *err);

/*
 * Makes the stub domain the back end.  `dev` is its name of a disk's container, or NULL.
 * ERR_HOST.
 */
int backend_device_move(const struct backend_device *device,
			const struct backend_place *place, const char *dev,
			struct err *err);

/*
 * The first half of that, for a stub domain that is to take over: its QEMU gets the device.
 * The guest's half is pointed there later, by backend_device_offer.  ERR_HOST.
 */
int backend_device_prepare(const struct backend_device *device,
			   const struct backend_place *place, const char *dev,
			   struct err *err);

/* Whether the guest has not begun to use it. */
bool backend_device_unused(const struct backend_device *device,
			   const struct backend_place *place);

/* Asks the stub domain's QEMU to let the device go. */
void backend_device_end(const struct backend_device *device,
			const struct backend_place *place);

/*
 * Shows a state in dom0's node, where the toolstack looks.  Not if that is gone.  Not
 * over the toolstack's own wish to have the device closed, unless `over` is set.
 */
void backend_device_show(const struct backend_device *device,
			 const struct backend_place *place, const char *state, bool over);

#endif
