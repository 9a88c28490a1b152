/* SPDX-License-Identifier: MIT */
/* The part of the plan that the relay, a program of its own, works from. */
#include "plan/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "xalloc.h"

enum { SCHEMA_MAX = 4 << 20 }; /* bytes; QEMU's has 80 KB */

/* JSON has no other text; a name that is none would be missing at the other end. */
static int check_text(const char *text, struct err *err)
{
	json_t *json = text ? json_string(text) : json_null();

	if (!json)
		return err_set(err, ERR_USAGE, "'%.200s': not UTF-8", text);
	json_decref(json);
	return 0;
}

/* The descriptor, at its start. */
static int write_json(const json_t *json, struct err *err)
{
	cleanup_fd int fd = memfd_create("stubdom-relay plan", MFD_CLOEXEC);
	/* Not json_dumpfd: it has a system call for each word, some 40,000. */
	cleanup_free char *text = json_dumps(json, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	int out;

	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "making a memfd");
	if (len == 0 || write(fd, text, len) != (ssize_t)len ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, ERR_HOST, "writing the relay's part of the plan");
	out = fd;
	fd = -1;
	return out;
}

int plan_hand_over(const struct plan *plan, const json_t *schema, struct err *err)
{
	cleanup_json json_t *json = plan_to_json(plan);

	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_channel *channel = &plan->channels[i];

		if (check_text(channel->endpoint.path, err) < 0 ||
		    check_text(channel->endpoint.host, err) < 0 ||
		    check_text(channel->label, err) < 0)
			return err_prefix(err, "channel %s", channel->name);
	}
	if (!json || json_object_set_new(json, "log", json_integer(plan->log)) < 0 ||
	    (plan->machine &&
	     json_object_set_new(json, "machine", json_string(plan->machine)) < 0) ||
	    json_object_set(json, "schema", (json_t *)schema) < 0)
		return err_set(err, ERR_HOST, "out of memory");
	return write_json(json, err);
}

int plan_hand_over_schema(const json_t *schema, struct err *err)
{
	return write_json(schema, err);
}

static char *read_text(const json_t *json, const char *key)
{
	return xstrdup_null(json_string_value(json_object_get(json, key)));
}

static unsigned read_number(const json_t *json, const char *key)
{
	return (unsigned)json_integer_value(json_object_get(json, key));
}

static bool read_bool(const json_t *json, const char *key)
{
	return json_is_true(json_object_get(json, key));
}

static int read_endpoint(const json_t *json, struct plan_endpoint *end)
{
	const char *type = json_string_value(json_object_get(json, "type"));

	*end = (struct plan_endpoint){
		.path = read_text(json, "path"),
		.host = read_text(json, "host"),
		.with = read_text(json, "with"),
		.port = read_number(json, "port"),
		.to = read_number(json, "to"),
		.fd = (int)json_integer_value(json_object_get(json, "fd")),
		.listening = read_bool(json, "listening"),
		.append = read_bool(json, "append"),
		.telnet = read_bool(json, "telnet"),
		.reconnect_s = read_number(json, "reconnect_s"),
	};
	for (int i = 0; type && i <= PLAN_ENDPOINT_SHARED; i++) {
		end->type = (enum plan_endpoint_type)i;
		if (strcmp(plan_endpoint_type_name(end->type), type) == 0)
			return 0;
	}
	return -1;
}

static int read_channel(const json_t *json, struct plan_channel *channel)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));

	*channel = (struct plan_channel){
		.name = read_text(json, "name"),
		.label = read_text(json, "label"),
		.stub_path = read_text(json, "stub_path"),
		.password = read_bool(json, "password"),
		.websocket = read_bool(json, "websocket"),
	};
	if (read_endpoint(json_object_get(json, "endpoint"), &channel->endpoint) < 0 ||
	    !kind || channel_kind_parse(kind, &channel->kind) < 0 || !channel->name ||
	    !channel_name_valid(channel->name))
		return -1;
	return 0;
}

/* For RELAY_STATE (relay/msg.h).  No client ever comes to it by itself. */
static void add_state_channel(struct plan *out)
{
	out->channels = xgrow(out->channels, out->n_channels, sizeof(*out->channels));
	out->channels[out->n_channels++] = (struct plan_channel){
		.name = xstrdup("state"),
		.kind = STUBDOM_CHANNEL_RESTORE,
		.endpoint = {.type = PLAN_ENDPOINT_SHARED, .with = xstrdup(""), .fd = -1},
	};
}

static int read_plan(const json_t *json, struct plan *out)
{
	json_t *item;
	size_t i;

	out->log = (enum log_level)read_number(json, "log");
	out->machine = read_text(json, "machine");
	json_array_foreach(json_object_get(json, "channels"), i, item) {
		out->channels =
			xgrow(out->channels, out->n_channels, sizeof(*out->channels));
		if (read_channel(item, &out->channels[out->n_channels++]) < 0)
			return -1;
	}
	json_array_foreach(json_object_get(json, "disks"), i, item) {
		out->disks = xgrow(out->disks, out->n_disks, sizeof(*out->disks));
		out->disks[out->n_disks++] = (struct plan_disk){
			.dev = read_text(item, "dev"),
			.target = read_text(item, "target"),
			.readonly = read_bool(item, "readonly"),
			.pv_only = read_bool(item, "pv_only"),
		};
		if (!out->disks[i].dev)
			return -1;
	}
	return 0;
}

int plan_take_over(int fd, struct plan *out, json_t **schema, struct err *err)
{
	/* Not json_loadfd: it reads byte by byte. */
	cleanup_file FILE *f = fdopen(fd, "r");
	cleanup_json json_t *json = f ? json_loadf(f, 0, NULL) : NULL;

	memset(out, 0, sizeof(*out));
	*schema = json_incref(json_object_get(json, "schema"));
	if (*schema && read_plan(json, out) == 0) {
		add_state_channel(out);
		return 0;
	}
	json_decref(*schema);
	plan_free(out);
	return err_set(err, ERR_HOST, "the relay's part of the plan cannot be read");
}

/* By read(2) alone: the relay's filter allows no more. */
json_t *plan_take_over_schema(int fd)
{
	cleanup_fd int closes = fd;
	cleanup_free char *text = NULL;
	struct stat st;
	size_t size, len = 0;

	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > SCHEMA_MAX)
		return NULL;
	size = (size_t)st.st_size;
	text = xalloc_check(malloc(size));
	while (len < size) {
		ssize_t n = read(fd, text + len, size - len);

		if (n <= 0)
			return NULL;
		len += (size_t)n;
	}
	return json_loadb(text, len, 0, NULL);
}
