/* SPDX-License-Identifier: MIT */
/* A domain as Xen knows it: type, memory, processor time. */
#include "dominfo.h"

#include <libxl.h>
#include <stdlib.h>

struct dominfo_reader {
	xentoollog_logger_stdiostream *log;
	libxl_ctx *ctx;
};

struct dominfo_reader *dominfo_open(struct err *err)
{
	struct dominfo_reader *reader = calloc(1, sizeof(*reader));

	if (!reader) {
		err_set(err, ERR_HOST, "out of memory");
		return NULL;
	}
	/* CRITICAL: what fails is said in our own words. */
	reader->log = xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	if (reader->log && libxl_ctx_alloc(&reader->ctx, LIBXL_VERSION, 0,
					   (xentoollog_logger *)reader->log) == 0)
		return reader;
	dominfo_close(reader);
	err_set(err, ERR_HOST,
		"the hypervisor cannot be reached (are you root in dom0? "
		"'stubdom doctor' tells more)");
	return NULL;
}

void dominfo_close(struct dominfo_reader *reader)
{
	if (!reader)
		return;
	if (reader->ctx)
		libxl_ctx_free(reader->ctx);
	if (reader->log)
		xtl_logger_destroy((xentoollog_logger *)reader->log);
	free(reader);
}

int dominfo_read(struct dominfo_reader *reader, unsigned domid, struct dominfo *out,
		 struct err *err)
{
	libxl_dominfo info;

	*out = (struct dominfo){0};
	libxl_dominfo_init(&info);
	if (libxl_domain_info(reader->ctx, &info, domid) != 0) {
		libxl_dominfo_dispose(&info);
		return err_set(err, ERR_STUB, "no domain %u", domid);
	}
	out->used_kb = info.current_memkb + info.shared_memkb;
	out->given_kb = info.max_memkb;
	out->cpu_ns = info.cpu_time;
	out->vcpus = info.vcpu_online;
	out->pv = info.domain_type == LIBXL_DOMAIN_TYPE_PV;
	libxl_dominfo_dispose(&info);
	return 0;
}
