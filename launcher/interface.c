/* SPDX-License-Identifier: MIT */
/* The program's own account of its interfaces: made of the tables that it works with. */
#include "interface.h"

#include "abi/boot.h"
#include "err.h"
#include "manifest.h"
#include "plan/deprecation.h"
#include "plan/options.h"
#include "plan/plan.h"
#include "plan/stubopt.h"

static const struct {
	int status;
	const char *meaning;
} statuses[] = {
#define X(id, number, text) {number, text},
	ERR_CODES(X)
#undef X
};

enum { N_STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

/* Appends an object; a NULL member of its own is left out by the format "s*". */
#define ADD(array, ...) json_array_append_new(array, json_pack(__VA_ARGS__))

static json_t *qemu_options_to_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n_qemu_options; i++) {
		const struct qemu_option *o = &qemu_options[i];
		const char *fate = o->class == OPTION_REFUSE ? "refused"
				   : o->class == OPTION_DROP ? "dropped"
							     : "taken";

		ADD(list, "{s:s, s:b, s:s, s:s, s:s*}", "name", o->name, "takes_value",
		    o->takes_value, "fate", fate, "text", option_class_text(o->class),
		    "why", o->why);
	}
	return list;
}

static json_t *key_to_json(const struct stubopt_key *key)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s*, s:s}", "name", key->name, "brief",
			      key->brief, "help", key->help, "default", key->initial,
			      "default_text", stubopt_key_default(key));

	if (key->words) {
		json_t *words = json_array();

		for (const char *const *w = key->words; *w; w++)
			json_array_append_new(words, json_string(*w));
		json_object_set_new(o, "words", words);
	} else if (key->least || key->most) {
		json_object_set_new(o, "least", json_integer(key->least));
		json_object_set_new(o, "most", json_integer(key->most));
	} else {
		json_object_set_new(o, "text", json_string(key->what));
	}
	return o;
}

static json_t *keys_to_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n_stubopt_keys; i++)
		json_array_append_new(list, key_to_json(&stubopt_keys[i]));
	return list;
}

static json_t *deprecations_to_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < deprecations.n; i++) {
		const struct deprecation *d = &deprecations.list[i];

		ADD(list, "{s:s, s:s*, s:s, s:s*, s:s, s:s}", "old_key", d->old_key,
		    "old_value", d->old_value, "new_key", d->new_key, "new_value",
		    d->new_value, "since", d->since, "removed_in", d->removed_in);
	}
	return list;
}

static json_t *statuses_to_json(void)
{
	json_t *list = json_array();

	for (int i = 0; i < N_STATUSES; i++)
		ADD(list, "{s:i, s:s}", "status", statuses[i].status, "meaning",
		    statuses[i].meaning);
	return list;
}

json_t *interface_to_json(void)
{
	return json_pack("{s:i, s:s, s:{s:i, s:i, s:i}, s:o, s:o, s:o, s:o}", "version",
			 INTERFACE_VERSION, "program", "stubdom-dm " STUBDOM_VERSION,
			 "versions", "plan", PLAN_VERSION, "manifest", MANIFEST_VERSION,
			 "boot", STUBDOM_BOOT_VERSION, "qemu_options",
			 qemu_options_to_json(), "stubdom_keys", keys_to_json(),
			 "deprecations", deprecations_to_json(), "exit_statuses",
			 statuses_to_json());
}

void interface_print_statuses(FILE *out)
{
	for (int i = 0; i < N_STATUSES; i++)
		fprintf(out, "  %d  %s\n", statuses[i].status, statuses[i].meaning);
}
