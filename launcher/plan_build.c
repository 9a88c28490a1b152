/* SPDX-License-Identifier: MIT */
/* argv to plan. */
#include "plan.h"

#include <string.h>

int plan_build(int argc, char *const argv[], const struct stubopt *options,
	       struct plan *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return err_set(err, ERR_USAGE, "not built yet");
}
