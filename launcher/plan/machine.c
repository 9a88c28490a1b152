/* SPDX-License-Identifier: MIT */
/* QEMU's machine, which the line names shortly. */
#include "plan/machine.h"

#include <stdlib.h>
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

char *plan_machine_type(const struct plan *plan)
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

const char *plan_machine_find(const struct manifest *manifest, const char *type)
{
	return type ? json_string_value(json_object_get(manifest->machines, type)) : NULL;
}

void plan_set_machine(struct plan *plan, const struct manifest *manifest)
{
	cleanup_free char *type = plan_machine_type(plan);

	free(plan->machine);
	plan->machine = xstrdup_null(plan_machine_find(manifest, type));
}
