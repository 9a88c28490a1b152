/* SPDX-License-Identifier: MIT */
/* The HVM guests that run, and where the QEMU of each is. */
#include "host_guests.h"

#include <libxl_utils.h>
#include <stdlib.h>

#include "guest.h"
#include "xen_ctx.h"

static bool has_stub(const struct guest_list *stubs, unsigned domid)
{
	for (size_t i = 0; i < stubs->n; i++)
		if (stubs->guests[i].domid == domid)
			return true;
	return false;
}

static int read_model(const char *confdir, const char *name, enum stubopt_model *out,
		      struct err *err)
{
	char *argv[] = {(char *)"", (char *)"-name", (char *)name, NULL};
	struct stubopt options;
	struct args args;
	int rc;

	args_split_known(3, argv, &args);
	stubopt_init(&options);
	rc = stubopt_load(&options, confdir, &args, err);
	*out = options.device_model;
	stubopt_free(&options);
	args_free(&args);
	return rc;
}

static int by_domid(const void *a, const void *b)
{
	unsigned x = ((const struct host_guest *)a)->domid;
	unsigned y = ((const struct host_guest *)b)->domid;

	return x < y ? -1 : x > y;
}

static int read_all(libxl_ctx *ctx, const char *confdir, const struct guest_list *stubs,
		    struct host_guests *out, struct err *err)
{
	int n = 0, rc = 0;
	libxl_dominfo *domains = libxl_list_domain(ctx, &n);

	if (!domains)
		return err_set(err, ERR_HOST, "Xen does not list its domains");
	out->list = calloc((size_t)n + 1, sizeof(*out->list));
	for (int i = 0; out->list && rc == 0 && i < n; i++) {
		struct host_guest *guest = &out->list[out->n];

		if (domains[i].domain_type != LIBXL_DOMAIN_TYPE_HVM)
			continue;
		guest->domid = domains[i].domid;
		guest->name = libxl_domid_to_name(ctx, guest->domid);
		/* One that is being destroyed: libxl does not know its type any more. */
		if (!guest->name)
			continue;
		out->n++;
		guest->stub = has_stub(stubs, guest->domid);
		rc = read_model(confdir, guest->name, &guest->model, err);
	}
	libxl_dominfo_list_free(domains, n);
	if (!out->list)
		return err_set(err, ERR_HOST, "out of memory");
	qsort(out->list, out->n, sizeof(*out->list), by_domid);
	return rc;
}

int host_guests_read(const char *confdir, struct host_guests *out, struct err *err)
{
	struct guest_list stubs;
	struct xen_ctx xen;
	int rc;

	*out = (struct host_guests){0};
	if (guest_list_read(&stubs, err) < 0)
		return -1;
	rc = xen_ctx_open(&xen, err);
	if (rc == 0)
		rc = read_all(xen.libxl, confdir, &stubs, out, err);
	xen_ctx_close(&xen);
	guest_list_free(&stubs);
	if (rc < 0)
		host_guests_free(out);
	return rc;
}

void host_guests_free(struct host_guests *guests)
{
	for (size_t i = 0; i < guests->n; i++)
		free(guests->list[i].name);
	free(guests->list);
	*guests = (struct host_guests){0};
}
