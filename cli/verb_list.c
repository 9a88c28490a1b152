/* SPDX-License-Identifier: MIT */
/* stubdom list: the guests that have a stub domain. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dominfo.h"
#include "guest.h"
#include "guest_json.h"
#include "table.h"
#include "term.h"
#include "verb.h"

enum { MIB_KB = 1024 };

static int list_json(struct dominfo_reader *reader, const struct guest_list *list)
{
	cleanup_json json_t *root =
		json_pack("{s:i, s:[]}", "version", GUEST_JSON_VERSION, "guests");

	for (size_t i = 0; i < list->n; i++) {
		struct dominfo info;

		guest_read_info(reader, &list->guests[i], &info);
		json_array_append_new(json_object_get(root, "guests"),
				      guest_to_json(&list->guests[i], &info));
	}
	guest_print_json(root);
	return 0;
}

static int add_row(struct table *table, struct dominfo_reader *reader,
		   const struct guest *guest, struct err *err)
{
	struct dominfo info;
	char duration[32];
	const char *state = guest_state(guest);

	guest_read_info(reader, guest, &info);
	if (table_add(table, err, "%s", guest->name ? guest->name : "") < 0 ||
	    table_add(table, err, "%u", guest->domid) < 0 ||
	    table_add(table, err, guest->stub_known ? "%u" : "", guest->stub_domid) < 0 ||
	    table_add(table, err, "%s", guest->kernel ? guest->kernel : "") < 0 ||
	    table_add(table, err, "%s", guest->type ? guest->type : "") < 0 ||
	    table_add(table, err, "%llu", info.used_kb / MIB_KB) < 0 ||
	    table_add(table, err, "%llu", info.given_kb / MIB_KB) < 0 ||
	    table_add(table, err, "%s",
		      table_duration(guest_uptime(guest), duration, sizeof(duration))) <
		    0 ||
	    table_add(table, err, "%s", guest->qemu ? guest->qemu : "") < 0)
		return -1;
	if (guest->stage && state[0] == 's' && state[1] == 't' && guest->stub_alive)
		return table_add(table, err, "%s (%s)", state, guest->stage);
	return table_add(table, err, "%s%s", state,
			 guest_image_is_older(guest) ? " (older image)" : "");
}

static int list_table(struct dominfo_reader *reader, const struct guest_list *list,
		      struct err *err)
{
	static const struct table_column columns[] = {
		{"GUEST", false}, {"ID", true},	     {"STUB", true}, {"KERNEL", false},
		{"TYPE", false},  {"USED-MB", true}, {"MB", true},   {"UPTIME", true},
		{"QEMU", false},  {"STATE", false},
	};
	struct table table;
	int rc = 0;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; rc == 0 && i < list->n; i++)
		rc = add_row(&table, reader, &list->guests[i], err);
	if (rc == 0)
		table_print(&table, stdout);
	table_free(&table);
	return rc;
}

static void list_names(const struct guest_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *name = list->guests[i].name;

		if (name) {
			term_write_foreign(stdout, name, strlen(name));
			putchar('\n');
		}
	}
}

int verb_list(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'}, {"names", no_argument, NULL, 'n'}, {0}};
	struct dominfo_reader *reader;
	struct guest_list list;
	int form = verb_form(argc, argv, names, 0, err);
	int rc;

	if (form < 0)
		return -1;
	if (guest_list_read(&list, err) < 0)
		return -1;
	if (form == 'n') {
		list_names(&list);
		guest_list_free(&list);
		return 0;
	}
	reader = dominfo_open(err);
	rc = !reader	   ? -1
	     : form == 'j' ? list_json(reader, &list)
			   : list_table(reader, &list, err);
	dominfo_close(reader);
	guest_list_free(&list);
	return rc;
}
