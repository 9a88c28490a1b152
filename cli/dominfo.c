/* SPDX-License-Identifier: MIT */
/* A domain as Xen knows it: type, memory, processor time. */
#include "dominfo.h"

#include <stdlib.h>

#include "xen_ctx.h"

struct dominfo_reader {
	struct xen_ctx xen;
};

struct dominfo_reader *dominfo_open(struct err *err)
{
	struct dominfo_reader *reader = calloc(1, sizeof(*reader));

	if (!reader) {
		err_set(err, ERR_HOST, "out of memory");
		return NULL;
	}
	if (xen_ctx_open(&reader->xen, err) == 0)
		return reader;
	dominfo_close(reader);
	return NULL;
}

void dominfo_close(struct dominfo_reader *reader)
{
	if (!reader)
		return;
	xen_ctx_close(&reader->xen);
	free(reader);
}

int dominfo_read(struct dominfo_reader *reader, unsigned domid, struct dominfo *out,
		 struct err *err)
{
	libxl_dominfo info;

	*out = (struct dominfo){0};
	libxl_dominfo_init(&info);
	if (libxl_domain_info(reader->xen.libxl, &info, domid) != 0) {
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
