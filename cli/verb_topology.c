/* SPDX-License-Identifier: MIT */
/* stubdom topology: the wiring of a guest's NICs in its stub domain, and their
 * counters. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "guest.h"
#include "guest_json.h"
#include "netgraph.h"
#include "verb.h"

enum { TOPOLOGY_TIMEOUT_MS = 10000 };

static int print(const struct guest *guest, const struct netgraph *graph, int form,
		 struct err *err)
{
	cleanup_json json_t *o = NULL;

	if (form == 'd') {
		netgraph_print_dot(graph, guest->name ? guest->name : "guest", stdout);
		return 0;
	}
	if (form != 'j')
		return netgraph_print(graph, stdout, err);
	o = guest_json_begin(guest);
	json_object_set_new(o, "stub_domid", json_integer(guest->stub_domid));
	json_object_set_new(o, "interfaces", netgraph_to_json(graph));
	guest_print_json(o);
	return 0;
}

int verb_topology(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'}, {"dot", no_argument, NULL, 'd'}, {0}};
	struct netgraph graph;
	struct guest guest;
	int form = verb_form(argc, argv, names, 1, err), rc;

	if (form < 0)
		return -1;
	if (guest_find(argv[optind], &guest, err) < 0)
		return -1;
	rc = netgraph_read(&guest, TOPOLOGY_TIMEOUT_MS, &graph, err);
	if (rc == 0) {
		rc = print(&guest, &graph, form, err);
		netgraph_free(&graph);
	}
	guest_free(&guest);
	return rc;
}
