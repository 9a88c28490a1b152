/* SPDX-License-Identifier: MIT */
/* stubdom status: one guest and its stub domain in full. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "abi/facts.h"
#include "ask.h"
#include "clean.h"
#include "cleanup.h"
#include "dominfo.h"
#include "guest.h"
#include "guest_json.h"
#include "qmp_client.h"
#include "table.h"
#include "verb.h"
#include "verb_status.h"

enum { STATUS_TIMEOUT_MS = 5000, MIB_KB = 1024 };

/* QEMU's own word, "running", "paused", ...; NULL if it does not answer, and why. */
static char *ask_qemu(const struct guest *guest, struct err *err)
{
	cleanup_free char *path = guest_socket(guest, STUBDOM_RUN_QMP);
	cleanup_json json_t *command = json_pack("{s:s}", "execute", "query-status");
	cleanup_json json_t *result = NULL;
	struct qmp_client qmp;
	char *status = NULL;

	if (!path || qmp_client_open(&qmp, path, STATUS_TIMEOUT_MS, err) < 0)
		return NULL;
	if (qmp_client_run(&qmp, command, STATUS_TIMEOUT_MS, ERR_STUB, &result, err) ==
	    0) {
		const char *text = json_string_value(json_object_get(result, "status"));

		status = strndup(text ? text : "?", 40);
		if (status)
			clean_string(status);
	}
	qmp_client_close(&qmp);
	return status;
}

/* The stub domain's own word on the memory inside; -1: it says nothing, and why. */
static int ask_stub(const struct guest *guest, struct ask_memory *out, struct err *err)
{
	struct ask ask;
	int rc;

	if (ask_begin(&ask, guest, STATUS_TIMEOUT_MS, err) < 0)
		return -1;
	rc = ask_memory(&ask, out, err);
	ask_end(&ask);
	return rc;
}

static void print_field(const char *name, const char *value)
{
	if (value && *value)
		printf("%-12s %s\n", name, value);
}

static void print_status(const struct guest *guest, const struct dominfo *info,
			 const struct ask_memory *inside, const struct err *inside_err,
			 const char *qemu_status, const struct err *qmp_err)
{
	char duration[32];
	char text[128];

	print_field("guest", guest->name);
	printf("%-12s %u\n", "domid", guest->domid);
	print_field("state", guest_state(guest));
	print_field("stage", guest->stage);
	print_field("error", guest->error);
	print_field("disk error", guest->io_error);
	print_field("no link", guest->no_link);
	print_field("exit", guest->exit);
	if (guest->guest_alive && guest->stub_known && !guest->stub_alive) {
		snprintf(text, sizeof(text), "xl destroy %u", guest->domid);
		print_field("remedy", text);
	}
	if (guest->stub_known) {
		snprintf(text, sizeof(text), "%u%s%.60s%s", guest->stub_domid,
			 guest->stub_name ? " (" : "",
			 guest->stub_name ? guest->stub_name : "",
			 guest->stub_name ? ")" : "");
		print_field("stub domain", text);
	}
	print_field("kernel", guest->kernel);
	print_field("type", guest->type);
	snprintf(text, sizeof(text), "%llu MB used, %llu MB given",
		 info->used_kb / MIB_KB, info->given_kb / MIB_KB);
	print_field("memory", text);
	snprintf(text, sizeof(text), "%llu MB free of %llu MB",
		 inside->available_kb / MIB_KB, inside->total_kb / MIB_KB);
	print_field("inside it", inside->total_kb ? text : inside_err->msg);
	snprintf(text, sizeof(text), "%u, %.1f s used", info->vcpus,
		 (double)info->cpu_ns / 1e9);
	print_field("vcpus", text);
	print_field("uptime",
		    table_duration(guest_uptime(guest), duration, sizeof(duration)));
	print_field("QEMU", guest->qemu);
	print_field("QEMU says", qemu_status ? qemu_status : qmp_err->msg);
	snprintf(text, sizeof(text), "%.90s%s", guest->image ? guest->image : "",
		 guest_image_is_older(guest) ? " (an older one of there)" : "");
	print_field("image", text);
	print_field("log", guest->log);
	if (guest->launcher)
		printf("%-12s %d%s\n", "stubdom-dm", (int)guest->launcher,
		       guest->launcher_alive ? "" : " (gone)");
}

int verb_status(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
	cleanup_free char *qemu_status = NULL;
	struct dominfo_reader *reader;
	struct dominfo info;
	struct guest guest;
	struct err qmp_err = {0}, inside_err = {0};
	struct ask_memory inside = {0};
	int form, n_guests = 0;

	for (int i = 1; i < argc; i++)
		n_guests += argv[i][0] != '-';
	form = verb_form(argc, argv, names, n_guests > 0, err);
	if (form < 0)
		return -1;
	if (n_guests == 0)
		return status_host(form == 'j', err);
	if (guest_find(argv[optind], &guest, err) < 0)
		return -1;
	reader = dominfo_open(err);
	if (!reader) {
		guest_free(&guest);
		return -1;
	}
	guest_read_info(reader, &guest, &info);
	dominfo_close(reader);
	qemu_status = ask_qemu(&guest, &qmp_err);
	ask_stub(&guest, &inside, &inside_err);
	if (form == 'j') {
		cleanup_json json_t *o = guest_to_json(&guest, &info);

		json_object_set_new(o, "version", json_integer(GUEST_JSON_VERSION));
		guest_set_string(o, "qemu_status", qemu_status);
		if (inside.total_kb)
			json_object_set_new(o, "inside",
					    json_pack("{s:I,s:I}", "total_kb",
						      (json_int_t)inside.total_kb,
						      "available_kb",
						      (json_int_t)inside.available_kb));
		guest_print_json(o);
	} else {
		print_status(&guest, &info, &inside, &inside_err, qemu_status, &qmp_err);
	}
	guest_free(&guest);
	return 0;
}
