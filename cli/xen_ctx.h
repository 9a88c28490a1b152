/* SPDX-License-Identifier: MIT */
/* libxl for a command that says in its own words what fails. */
#ifndef STUBDOM_XEN_CTX_H
#define STUBDOM_XEN_CTX_H

#include <libxl.h>

#include "err.h"

struct xen_ctx {
	libxl_ctx *libxl; /* NULL: not open */
	xentoollog_logger *log;
};

/* ERR_HOST: the hypervisor cannot be reached.  xen_ctx_close() also after an error. */
int xen_ctx_open(struct xen_ctx *ctx, struct err *err);
void xen_ctx_close(struct xen_ctx *ctx);

#endif
