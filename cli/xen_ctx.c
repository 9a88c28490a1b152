/* SPDX-License-Identifier: MIT */
/* libxl for a command that says in its own words what fails. */
#include "xen_ctx.h"

#include <stdio.h>

int xen_ctx_open(struct xen_ctx *ctx, struct err *err)
{
	*ctx = (struct xen_ctx){.log = (xentoollog_logger *)xtl_createlogger_stdiostream(
					stderr, XTL_CRITICAL, 0)};
	if (ctx->log && libxl_ctx_alloc(&ctx->libxl, LIBXL_VERSION, 0, ctx->log) == 0)
		return 0;
	return err_set(err, ERR_HOST,
		       "the hypervisor cannot be reached (are you root in dom0? "
		       "'stubdom doctor' tells more)");
}

void xen_ctx_close(struct xen_ctx *ctx)
{
	if (ctx->libxl)
		libxl_ctx_free(ctx->libxl);
	if (ctx->log)
		xtl_logger_destroy(ctx->log);
	*ctx = (struct xen_ctx){0};
}
