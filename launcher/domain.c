/* SPDX-License-Identifier: MIT */
/* Turns a plan into a running stub domain and stays until it ends. */
#include "domain.h"

int domain_run(const struct plan *plan, const struct manifest *manifest, struct err *err)
{
	return err_set(err, ERR_HOST, "%s: running a stub domain is not built yet",
		       plan->name);
}
