/* SPDX-License-Identifier: MIT */
/* stubdom features: the abilities of this installation, for toolstacks and people. */
#include <jansson.h>
#include <stdio.h>

#include "cleanup.h"
#include "feature.h"
#include "guest_json.h"
#include "image.h"
#include "plan/stubopt.h"
#include "verb.h"

#define FEATURES_VERSION 1 /* of the JSON form, schema/features.schema.json */

static void print_json(const struct feature *features, size_t n)
{
	cleanup_json json_t *root =
		json_pack("{s:i, s:s, s:[]}", "version", FEATURES_VERSION, "program",
			  "qemu-stubdom " STUBDOM_VERSION, "features");

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "feature", features[i].name,
				      "text", features[i].text, "state",
				      feature_state_name(features[i].state));

		if (features[i].why[0])
			guest_set_string(o, "why", features[i].why);
		json_array_append_new(json_object_get(root, "features"), o);
	}
	guest_print_json(root);
}

static void print_lines(const struct feature *features, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct feature *f = &features[i];

		printf("%-7s  %-15s  %s%s%s\n", feature_state_name(f->state), f->name,
		       f->text, f->why[0] ? ": " : "", f->why);
	}
}

int verb_features(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
	static struct feature features[FEATURES_MAX];
	struct feature_host host = {.root = ""};
	cleanup_json json_t *manifest = NULL;
	int form = verb_form(argc, argv, names, 0, err);
	struct err why = {0};
	struct stubopt options;
	size_t n;

	if (form < 0)
		return -1;
	stubopt_init(&options);
	if (stubopt_read_file(&options, CONFDIR "/stubdom.conf", &why) == 0)
		manifest = image_load(options.image, &why);
	stubopt_free(&options);
	host.manifest = manifest;
	host.why_no_image = why.msg;
	n = features_find(&host, features);
	if (form == 'j')
		print_json(features, n);
	else
		print_lines(features, n);
	return 0;
}
