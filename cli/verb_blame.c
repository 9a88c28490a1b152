/* SPDX-License-Identifier: MIT */
/* stubdom blame: the phases of a guest's start, and the time that each took. */
#include <stdio.h>

#include "blame.h"
#include "cleanup.h"
#include "guest.h"
#include "guest_json.h"
#include "verb.h"

static int print(const struct guest *guest, const struct blame *blame, int form,
		 struct err *err)
{
	cleanup_json json_t *o = NULL;

	if (form == 's') {
		blame_print_svg(blame, guest->name ? guest->name : "the guest", stdout);
		return 0;
	}
	if (form != 'j')
		return blame_print(blame, stdout, err);
	o = guest_json_begin(guest);
	json_object_set_new(o, "total_ms", json_integer(blame->total_ms));
	json_object_set_new(o, "phases", blame_to_json(blame));
	guest_print_json(o);
	return 0;
}

int verb_blame(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'}, {"svg", no_argument, NULL, 's'}, {0}};
	struct blame blame;
	struct guest guest;
	int form = verb_form(argc, argv, names, 1, err), rc;

	if (form < 0)
		return -1;
	if (guest_find(argv[optind], &guest, err) < 0)
		return -1;
	rc = blame_read(&guest, &blame, err);
	if (rc == 0)
		rc = print(&guest, &blame, form, err);
	guest_free(&guest);
	return rc;
}
