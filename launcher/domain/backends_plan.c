/* SPDX-License-Identifier: MIT */
/* The guest's disks that only PV drivers see, for the plan. */
#include "domain/backends_plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "domain/backend_device.h"
#include "plan/builder.h"
#include "xenstore_util.h"

static int plan_one(struct plan *plan, struct xs_handle *xs, const char *id,
		    struct err *err)
{
	cleanup_free char *params = NULL;
	cleanup_free char *mode = NULL;
	cleanup_free char *vdev = NULL;
	char format[16], use[64];
	const char *path;

#define READ(key)                                                                        \
	xenstore_read(xs, "/local/domain/0/backend/qdisk/%u/%s/" key, plan->guest_domid, \
		      id)
	params = READ("params");
	mode = READ("mode");
	vdev = READ("dev");
#undef READ
	if (!params || !mode)
		return 0;
	path = backend_params_split(params, format);
	if (!*path || plan_find_disk(plan, path))
		return 0;
	snprintf(use, sizeof(use), "%.32s (PV drivers only)", vdev ? vdev : id);
	if (build_check_path(path, err) < 0)
		return err_prefix(err, "disk of %s", use);
	if (plan->n_disks >= BUILD_DISKS_MAX)
		return err_set(err, ERR_USAGE, "more than %d disks", BUILD_DISKS_MAX);
	plan_add_disk(plan, path, format, mode[0] == 'r', use)->pv_only = true;
	return 0;
}

int domain_backends_plan(struct plan *plan, struct err *err)
{
	struct xs_handle *xs = xs_open(0);
	unsigned n = 0;
	char **ids;
	int rc = 0;

	/* Without Xen the start fails later: an error of the plan comes first. */
	if (!xs)
		return 0;
	ids = backend_device_list_ids(xs, "qdisk", plan->guest_domid, &n);
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = plan_one(plan, xs, ids[i], err);
	free(ids);
	xs_close(xs);
	return rc;
}
