/* SPDX-License-Identifier: MIT */
/* stubdom-dm: runs a guest's QEMU, given its command line, in a domain of its own. */
#include <stdio.h>

#include "domain.h"
#include "err.h"
#include "log.h"
#include "plan.h"

static int run(int argc, char **argv, struct err *err)
{
	struct stubopt options = {0};
	struct manifest manifest = {0};
	struct plan plan = {0};
	int rc;

	if (plan_build(argc, argv, &options, &plan, err) < 0)
		return -1;
	rc = domain_run(&plan, &manifest, err);
	plan_free(&plan);
	return rc;
}

int main(int argc, char **argv)
{
	struct err err = {0};

	log_init("stubdom-dm", LOG_LEVEL_INFO);
	if (run(argc, argv, &err) == 0)
		return 0;
	log_error("%s", err.msg);
	return err.code;
}
