/* SPDX-License-Identifier: MIT */
/* Which device model a line gets that was started at QEMU's own path. */
#include "plan/select.h"

/* Every -machine says so: of two, QEMU takes the last. */
static bool is_xenpv(const struct args *args)
{
	size_t machines = 0;

	for (size_t i = 0; i < args->n; i++) {
		if (args->list[i].option->class != OPTION_MACHINE)
			continue;
		if (!arg_is_machine(&args->list[i], "xenpv"))
			return false;
		machines++;
	}
	return machines > 0;
}

enum select_way select_way(const struct args *args, enum stubopt_model model,
			   bool has_image)
{
	if (is_xenpv(args))
		return SELECT_QEMU;
	if (args_is_probe(args))
		return has_image ? SELECT_STUBDOM : SELECT_QEMU;
	if (!args_find(args, "xen-domid"))
		return SELECT_QEMU;
	return model == STUBOPT_MODEL_DOM0 ? SELECT_QEMU : SELECT_STUBDOM;
}
