/* SPDX-License-Identifier: MIT */
/* The HVM guests that run, and where the QEMU of each is. */
#ifndef STUBDOM_HOST_GUESTS_H
#define STUBDOM_HOST_GUESTS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "plan/stubopt.h"

struct host_guest {
	unsigned domid;
	char *name;
	bool stub; /* its QEMU is in a stub domain now; else in dom0 */
	/* The configuration's word on it, for the next start while 'stubdom enable'
	   is in effect. */
	enum stubopt_model model;
};

struct host_guests {
	struct host_guest *list; /* in the order of their ids */
	size_t n;
};

/* ERR_HOST: Xen or xenstore cannot be reached, or the configuration cannot be read. */
int host_guests_read(const char *confdir, struct host_guests *out, struct err *err);

void host_guests_free(struct host_guests *guests);

#endif
