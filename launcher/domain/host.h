/* SPDX-License-Identifier: MIT */
/* The handles to Xen that the launcher and its guardian work with. */
#ifndef STUBDOM_DOMAIN_HOST_H
#define STUBDOM_DOMAIN_HOST_H

#include <libxl.h>
#include <stdbool.h>
#include <stdint.h>
#include <xenctrl.h>
#include <xenstore.h>

#include "err.h"

struct domain_logger;

struct domain_host {
	struct domain_logger *logger;
	libxl_ctx *libxl;
	xc_interface *xc;
	struct xs_handle *xs;
	uint64_t *freed_kb; /* domain_memory_account(); stays over open and close */
};

/* ERR_HOST, with the place to look at.  On error everything is closed again. */
int domain_host_open(struct domain_host *host, struct err *err);
void domain_host_close(struct domain_host *host);

/* As err_set with ERR_HOST, followed by the first error that libxl logged since the last
 * domain_host_forget_error. */
int domain_host_error(struct domain_host *host, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Forgets libxl's errors: call before a libxl call whose failure is reported. */
void domain_host_forget_error(struct domain_host *host);

/* Xen's record of a domain.  False: there is none of that number. */
bool domain_host_look(struct domain_host *host, uint32_t domid, xc_domaininfo_t *info);

enum domain_life {
	DOMAIN_LIFE_GONE,     /* no such domain, or it is being torn down */
	DOMAIN_LIFE_SHUTDOWN, /* powered off, rebooted or crashed; still there */
	DOMAIN_LIFE_ALIVE,
};

enum domain_life domain_host_life(struct domain_host *host, uint32_t domid);

/*
 * The stub domains of one launcher, one after the other, have UUIDs that differ in the
 * last byte only.  So its guardian knows all of them before they are there.
 */
enum { DOMAIN_UUID_FAMILY = 15 }; /* bytes that they share */

/*
 * The first domain from the number `from` on whose UUID is of this family, dying or not;
 * -1 if there is none.
 */
int domain_host_find(struct domain_host *host, const libxl_uuid *uuid, uint32_t from,
		     uint32_t *domid);

#endif
