/* SPDX-License-Identifier: MIT */
/* Whether one QEMU's state of a guest's machine is another QEMU's, too. */
#include "domain/replace_machine.h"

#include <string.h>

#include "cleanup.h"
#include "qemu_opt.h"
#include "xalloc.h"

static bool names_machine(const char *option)
{
	/* A guest may have the name "M". */
	if (option[0] != '-')
		return false;
	option += strspn(option, "-");
	return strcmp(option, "machine") == 0 || strcmp(option, "M") == 0;
}

/* The last one, as QEMU sees it.  For the caller; NULL: none. */
static char *find_type(const struct plan *plan)
{
	char *type = NULL;

	for (size_t i = 0; i + 1 < plan->n_qemu; i++) {
		struct qemu_opts opts;
		struct err ignored;
		const char *found;

		if (!names_machine(plan->qemu[i]) ||
		    qemu_opts_parse(plan->qemu[i + 1], "type", true, &opts, &ignored) < 0)
			continue;
		found = qemu_opts_get(&opts, "type");
		if (found) {
			free(type);
			type = xstrdup(found);
		}
		qemu_opts_free(&opts);
	}
	return type;
}

static const char *resolve(const struct manifest *manifest, const char *type)
{
	return type ? json_string_value(json_object_get(manifest->machines, type)) : NULL;
}

int replace_machine_check(const struct plan *plan, const struct manifest *now,
			  const struct manifest *next, struct err *err)
{
	cleanup_free char *type = find_type(plan);
	const char *is = resolve(now, type), *will_be = resolve(next, type);

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
