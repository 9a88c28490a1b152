/* SPDX-License-Identifier: MIT */
/* stubdom status without a guest: where the host's HVM guests have their QEMU. */
#include <jansson.h>
#include <stdio.h>

#include "cleanup.h"
#include "enable.h"
#include "guest_json.h"
#include "host_guests.h"
#include "table.h"
#include "verb_status.h"

static const char *place(bool stub)
{
	return stub ? "stubdom" : "dom0";
}

static bool next_is_stub(const struct host_guest *guest)
{
	return guest->model == STUBOPT_MODEL_STUBDOM;
}

static void print_json(enum enable_state state, const struct host_guests *guests)
{
	cleanup_json json_t *root =
		json_pack("{s:i, s:s, s:[]}", "version", GUEST_JSON_VERSION, "enable",
			  enable_state_name(state), "guests");

	for (size_t i = 0; i < guests->n; i++) {
		const struct host_guest *guest = &guests->list[i];
		json_t *o = json_pack("{s:i, s:s, s:s}", "domid", (int)guest->domid,
				      "device_model", place(guest->stub), "configured",
				      place(next_is_stub(guest)));

		guest_set_string(o, "guest", guest->name);
		json_array_append_new(json_object_get(root, "guests"), o);
	}
	guest_print_json(root);
}

static int print_text(enum enable_state state, const struct host_guests *guests,
		      struct err *err)
{
	static const struct table_column columns[] = {{"GUEST", false},
						      {"ID", true},
						      {"QEMU-IN", false},
						      {"NEXT-START", false}};
	struct table table;
	int rc = 0;

	printf("%s: %s.\n", enable_state_name(state), enable_state_text(state));
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; rc == 0 && i < guests->n; i++) {
		const struct host_guest *guest = &guests->list[i];
		/* Where nothing is enabled, the guest's own configuration says. */
		const char *next = state == ENABLE_ON ? place(next_is_stub(guest)) : "";

		if (table_add(&table, err, "%s", guest->name) < 0 ||
		    table_add(&table, err, "%u", guest->domid) < 0 ||
		    table_add(&table, err, "%s", place(guest->stub)) < 0 ||
		    table_add(&table, err, "%s", next) < 0)
			rc = -1;
	}
	if (rc == 0 && guests->n)
		table_print(&table, stdout);
	table_free(&table);
	return rc;
}

int status_host(bool json, struct err *err)
{
	struct host_guests guests;
	enum enable_state state;
	int rc = 0;

	if (enable_look(&enable_host, &state, err) < 0 ||
	    host_guests_read(CONFDIR, &guests, err) < 0)
		return -1;
	if (json)
		print_json(state, &guests);
	else
		rc = print_text(state, &guests, err);
	host_guests_free(&guests);
	return rc;
}
