/* SPDX-License-Identifier: MIT */
/* The plan as JSON, for people, tests and tools (docs/interface.md). */
#include <string.h>

#include "plan/plan.h"

static json_t *strings(char *const *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

/* A member that is left out when there is nothing to say. */
static void set_text(json_t *obj, const char *key, const char *text)
{
	if (text)
		json_object_set_new(obj, key, json_string(text));
}

static void set_number(json_t *obj, const char *key, unsigned n)
{
	json_object_set_new(obj, key, json_integer(n));
}

static json_t *domain_json(const struct plan *plan)
{
	json_t *obj = json_object();

	set_text(obj, "name", plan->name);
	set_number(obj, "guest_domid", plan->guest_domid);
	set_text(obj, "guest_name", plan->guest_name);
	set_text(obj, "kernel", stubopt_kernel_name(plan->kernel));
	set_text(obj, "type", stubopt_type_name(plan->type));
	set_number(obj, "memory_mb", plan->memory_mb);
	set_number(obj, "vcpus", plan->vcpus);
	set_number(obj, "timeout_s", plan->timeout_s);
	if (plan->weight != STUBOPT_AS_GUEST)
		set_number(obj, "weight", plan->weight);
	if (plan->cap != STUBOPT_AS_GUEST)
		set_number(obj, "cap", plan->cap);
	set_text(obj, "cpupool", plan->cpupool);
	set_text(obj, "seclabel", plan->seclabel);
	set_text(obj, "cpus", plan->cpus);
	if (plan->uid_base != STUBOPT_UID_BASE)
		set_number(obj, "uid_base", plan->uid_base);
	if (plan->on_crash != STUBOPT_ON_CRASH_LEAVE)
		set_text(obj, "on_dm_crash", stubopt_on_crash_name(plan->on_crash));
	if (plan->core)
		json_object_set_new(obj, "core", json_true());
	if (plan->silence_max_s)
		set_number(obj, "silence_max_s", plan->silence_max_s);
	set_number(obj, "vram_mb", plan->vram_mb);
	json_object_set_new(obj, "paused", json_boolean(plan->paused));
	set_text(obj, "topology_file", plan->topology_file);
	set_text(obj, "backend", plan->backend);
	set_text(obj, "backing_dir", plan->backing_dir);
	if (plan->container_max_mb)
		set_number(obj, "container_max_mb", plan->container_max_mb);
	return obj;
}

static json_t *disks_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_disks; i++) {
		json_t *obj = json_object();

		set_text(obj, "dev", plan->disks[i].dev);
		set_text(obj, "target", plan->disks[i].target);
		set_text(obj, "format", plan->disks[i].format);
		json_object_set_new(obj, "readonly",
				    json_boolean(plan->disks[i].readonly));
		if (plan->disks[i].pv_only)
			json_object_set_new(obj, "pv_only", json_true());
		if (plan->disks[i].grow_to)
			json_object_set_new(
				obj, "grow_to",
				json_integer((json_int_t)plan->disks[i].grow_to));
		set_text(obj, "for", plan->disks[i].use);
		json_array_append_new(array, obj);
	}
	return array;
}

static json_t *nics_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_nics; i++) {
		const struct plan_nic *nic = &plan->nics[i];
		json_t *obj = json_object();

		set_text(obj, "tap", nic->tap);
		set_number(obj, "xenif", nic->xenif);
		set_text(obj, "mac", nic->mac);
		set_text(obj, "bridge", nic->bridge);
		set_text(obj, "vifname", nic->vifname);
		set_text(obj, "script", nic->script);
		set_text(obj, "model", nic->model);
		set_text(obj, "netdev", nic->netdev);
		json_array_append_new(array, obj);
	}
	return array;
}

static json_t *endpoint_json(const struct plan_endpoint *e)
{
	json_t *obj = json_object();
	bool tcp = e->type == PLAN_ENDPOINT_TCP_LISTEN ||
		   e->type == PLAN_ENDPOINT_TCP_CONNECT;

	set_text(obj, "type", plan_endpoint_type_name(e->type));
	set_text(obj, "path", e->path);
	set_text(obj, "host", e->host);
	set_text(obj, "with", e->with);
	if (tcp)
		set_number(obj, "port", e->port);
	if (e->type == PLAN_ENDPOINT_TCP_LISTEN)
		set_number(obj, "to", e->to);
	if (e->type == PLAN_ENDPOINT_FD) {
		json_object_set_new(obj, "fd", json_integer(e->fd));
		json_object_set_new(obj, "listening", json_boolean(e->listening));
	}
	if (e->type == PLAN_ENDPOINT_FILE)
		json_object_set_new(obj, "append", json_boolean(e->append));
	if (e->telnet)
		json_object_set_new(obj, "telnet", json_true());
	if (e->reconnect_s)
		set_number(obj, "reconnect_s", e->reconnect_s);
	return obj;
}

static json_t *channels_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_channel *ch = &plan->channels[i];
		json_t *obj = json_object();

		set_text(obj, "name", ch->name);
		set_text(obj, "label", ch->label);
		set_text(obj, "kind", channel_kind_name(ch->kind));
		if (ch->password)
			json_object_set_new(obj, "password", json_true());
		if (ch->websocket)
			json_object_set_new(obj, "websocket", json_true());
		set_text(obj, "stub_path", ch->stub_path);
		json_object_set_new(obj, "endpoint", endpoint_json(&ch->endpoint));
		json_array_append_new(array, obj);
	}
	return array;
}

static json_t *files_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_files; i++) {
		json_t *obj = json_object();

		set_text(obj, "name", plan->files[i].name);
		set_text(obj, "source", plan->files[i].source);
		json_array_append_new(array, obj);
	}
	return array;
}

json_t *plan_to_json(const struct plan *plan)
{
	json_t *root = json_object();

	set_number(root, "version", PLAN_VERSION);
	json_object_set_new(root, "domain", domain_json(plan));
	json_object_set_new(root, "disks", disks_json(plan));
	json_object_set_new(root, "nics", nics_json(plan));
	json_object_set_new(root, "channels", channels_json(plan));
	json_object_set_new(root, "files", files_json(plan));
	if (plan->topology)
		json_object_set_new(root, "topology",
				    strings(plan->topology, plan->n_topology));
	json_object_set_new(root, "qemu", strings(plan->qemu, plan->n_qemu));
	json_object_set_new(root, "notes", strings(plan->notes, plan->n_notes));
	return root;
}
