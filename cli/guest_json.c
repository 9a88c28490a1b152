/* SPDX-License-Identifier: MIT */
/* The JSON form of a guest, and the figures that list and status share. */
#include "guest_json.h"

#include <stdio.h>
#include <time.h>

long long guest_uptime(const struct guest *guest)
{
	long long s = guest->started ? time(NULL) - guest->started : 0;

	return s > 0 ? s : 0;
}

void guest_set_string(json_t *object, const char *key, const char *value)
{
	json_t *v = value ? json_string(value) : NULL;

	/* json_string refuses what is not UTF-8. */
	json_object_set_new(object, key, v ? v : json_null());
}

json_t *guest_json_begin(const struct guest *guest)
{
	json_t *o = json_pack("{s:i, s:i}", "version", GUEST_JSON_VERSION, "domid",
			      (int)guest->domid);

	guest_set_string(o, "name", guest->name);
	return o;
}

json_t *guest_to_json(const struct guest *guest, const struct dominfo *info)
{
	json_t *o = json_object();

	guest_set_string(o, "guest", guest->name);
	json_object_set_new(o, "domid", json_integer(guest->domid));
	guest_set_string(o, "stub", guest->stub_name);
	json_object_set_new(o, "stub_domid",
			    guest->stub_known ? json_integer(guest->stub_domid)
					      : json_null());
	guest_set_string(o, "kernel", guest->kernel);
	guest_set_string(o, "type", guest->type);
	guest_set_string(o, "qemu", guest->qemu);
	guest_set_string(o, "image", guest->image);
	json_object_set_new(o, "image_older", json_boolean(guest_image_is_older(guest)));
	guest_set_string(o, "log", guest->log);
	guest_set_string(o, "state", guest_state(guest));
	guest_set_string(o, "stage", guest->stage);
	guest_set_string(o, "error", guest->error);
	guest_set_string(o, "io_error",
			 guest->io_error && *guest->io_error ? guest->io_error : NULL);
	guest_set_string(o, "no_link", guest->no_link);
	guest_set_string(o, "exit", guest->exit);
	json_object_set_new(o, "launcher_pid", json_integer(guest->launcher));
	json_object_set_new(o, "started", json_integer(guest->started));
	json_object_set_new(o, "uptime", json_integer(guest_uptime(guest)));
	json_object_set_new(o, "memory_used_kb", json_integer((json_int_t)info->used_kb));
	json_object_set_new(o, "memory_given_kb",
			    json_integer((json_int_t)info->given_kb));
	json_object_set_new(o, "vcpus", json_integer(info->vcpus));
	json_object_set_new(o, "cpu_ns", json_integer((json_int_t)info->cpu_ns));
	return o;
}

void guest_read_info(struct dominfo_reader *reader, const struct guest *guest,
		     struct dominfo *info)
{
	struct err ignored;

	*info = (struct dominfo){0};
	if (guest->stub_known && guest->stub_alive)
		dominfo_read(reader, guest->stub_domid, info, &ignored);
}

void guest_print_json(const json_t *value)
{
	/* ASCII only: names and stages are other domains', this may be a terminal. */
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	putchar('\n');
}
