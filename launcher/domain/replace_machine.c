/* SPDX-License-Identifier: MIT */
/* Whether one QEMU's state of a guest's machine is another QEMU's, too. */
#include "domain/replace_machine.h"

#include <string.h>

#include "cleanup.h"
#include "plan/machine.h"

int replace_machine_check(const struct plan *plan, const struct manifest *now,
			  const struct manifest *next, struct err *err)
{
	cleanup_free char *type = plan_machine_type(plan);
	const char *is = plan_machine_find(now, type);
	const char *will_be = plan_machine_find(next, type);

	if (is && will_be && strcmp(is, will_be) == 0)
		return 0;
	/* An image of an earlier version does not say; one version of QEMU is one. */
	if ((!type || !now->machines || !next->machines) &&
	    json_equal(now->schema, next->schema))
		return 0;
	if (is && next->machines && !will_be)
		return err_set(err, ERR_HOST,
			       "%s has QEMU %s, which has no machine '%.64s'; the guest "
			       "gets it at its next start, with another one",
			       next->dir, next->qemu_version, type);
	if (is && will_be)
		return err_set(
			err, ERR_HOST,
			"%s has QEMU %s, whose machine '%.64s' is '%.64s', and the "
			"guest's QEMU %s has '%.64s' by that name, whose state is "
			"another; the guest gets it at its next start",
			next->dir, next->qemu_version, type, will_be, now->qemu_version,
			is);
	return err_set(err, ERR_HOST,
		       "%s has QEMU %s, and it is not known whether that has the same "
		       "machine as the guest's QEMU %s; the guest gets it at its next "
		       "start",
		       next->dir, next->qemu_version, now->qemu_version);
}
