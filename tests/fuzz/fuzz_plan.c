/* SPDX-License-Identifier: MIT */
/* Fuzzes argv to plan: the input's lines are the arguments. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

enum { ARGS_MAX = 200 };

/* A plan must hold together however odd the line was. */
static void check(const struct plan *plan)
{
	json_t *json = plan_to_json(plan);
	char *text = json ? json_dumps(json, 0) : NULL;

	if (!text || !plan->qemu || plan->qemu[plan->n_qemu])
		abort();
	for (size_t i = 0; i < plan->n_channels; i++) {
		if (!channel_name_valid(plan->channels[i].name))
			abort();
	}
	free(text);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *argv[ARGS_MAX + 1] = {(char *)"stubdom-dm"};
	struct stubopt options;
	struct args args;
	struct plan plan;
	struct err err;
	int argc = 1;

	memcpy(text, data, size);
	text[size] = '\0';
	for (char *line = text; line && argc < ARGS_MAX;) {
		argv[argc++] = line;
		line = strchr(line, '\n');
		if (line)
			*line++ = '\0';
	}
	stubopt_init(&options);
	if (args_split(argc, argv, &args, &err) == 0) {
		if (stubopt_load(&options, "/nonexistent", &args, &err) == 0 &&
		    plan_build(&args, &options, &plan, &err) == 0) {
			check(&plan);
			plan_free(&plan);
		}
		args_free(&args);
	}
	stubopt_free(&options);
	free(text);
	return 0;
}
