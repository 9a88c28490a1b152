/* SPDX-License-Identifier: MIT */
/* Network: each tap of dom0 becomes an interface of the stub domain. */
#include <ctype.h>
#include <net/if.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "plan/builder.h"
#include "xalloc.h"

static bool is_interface_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (!isgraph(c) || c == '/' || c == ':' || c >= 0x80)
			return false;
	}
	return true;
}

enum { MAC_LEN = sizeof("00:16:3e:00:00:00") - 1 };

static bool is_mac(const char *text)
{
	for (size_t i = 0; i < MAC_LEN; i++) {
		bool separator = i % 3 == 2;

		if (separator ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return text[MAC_LEN] == '\0';
}

/* Finds the -device on top of a netdev. */
static int find_device(const struct build *b, const char *netdev, struct plan_nic *nic,
		       struct err *err)
{
	for (size_t i = 0; i < b->args->n; i++) {
		const struct arg *arg = &b->args->list[i];
		struct qemu_opts opts;
		struct err ignored;
		const char *id;
		bool found;

		if (strcmp(arg->option->name, "device") != 0 ||
		    qemu_opts_parse(arg->value, "driver", true, &opts, &ignored) < 0)
			continue;
		id = qemu_opts_get(&opts, "netdev");
		found = id && strcmp(id, netdev) == 0;
		if (found) {
			nic->model = xstrdup_null(qemu_opts_get(&opts, "driver"));
			nic->mac = xstrdup_null(qemu_opts_get(&opts, "mac"));
		}
		qemu_opts_free(&opts);
		if (!found)
			continue;
		if (nic->mac && !is_mac(nic->mac))
			return err_set(err, ERR_USAGE,
				       "the mac '%.64s' of its device is none", nic->mac);
		return 0;
	}
	return 0;
}

/* One interface of the plan must not be taken for another. */
static int check_unique(const struct plan *plan, const struct plan_nic *nic,
			struct err *err)
{
	for (const struct plan_nic *other = plan->nics; other < nic; other++) {
		if (nic->mac && other->mac && strcasecmp(nic->mac, other->mac) == 0)
			return err_set(
				err, ERR_USAGE,
				"the mac %s is given to %s already; give each NIC its own",
				nic->mac, other->netdev);
		if (nic->vifname && other->vifname &&
		    strcmp(nic->vifname, other->vifname) == 0)
			return err_set(err, ERR_USAGE,
				       "the ifname %s is given to %s already",
				       nic->vifname, other->netdev);
	}
	return 0;
}

static int check_name(const char *what, const char *name, struct err *err)
{
	if (name && !is_interface_name(name))
		return err_set(err, ERR_USAGE, "%s: '%.64s' is no name of an interface",
			       what, name);
	return 0;
}

static bool has_script(const struct qemu_opts *opts)
{
	const char *script = qemu_opts_get(opts, "script");

	return script && strcmp(script, "no") != 0 && *script;
}

/*
 * A bridge's name is the hot-plug script's to read, "ovs0.7:8" with a VLAN and a trunk
 * for Open vSwitch.  For vif-bridge (domain/create.c: hotplug_script) it is an interface.
 */
static int check_bridge(const struct build *b, const struct qemu_opts *opts,
			struct err *err)
{
	const char *bridge = qemu_opts_get(opts, "br");
	bool by_name =
		!has_script(opts) && (!qemu_opts_get(opts, "ifname") || b->plan->backend);

	if (by_name)
		return check_name("br", bridge, err);
	for (; bridge && *bridge; bridge++) {
		if (!isgraph((unsigned char)*bridge) || (unsigned char)*bridge >= 0x80)
			return err_set(err, ERR_USAGE,
				       "br: a name without blanks was expected");
	}
	return 0;
}

static int check_tap(const struct build *b, const struct qemu_opts *opts, struct err *err)
{
	static const char *const descriptors[] = {"fd", "fds", "vhostfd", "vhostfds"};
	const char *queues = qemu_opts_get(opts, "queues");

	for (size_t i = 0; i < 4; i++) {
		if (qemu_opts_get(opts, descriptors[i]))
			return err_set(
				err, ERR_USAGE,
				"a tap opened in dom0 (%s=) cannot be handed to the "
				"stub domain; name it with ifname= and its bridge with br=",
				descriptors[i]);
	}
	if (queues && strcmp(queues, "1") != 0)
		return err_set(err, ERR_USAGE,
			       "more than one queue is not carried; leave queues= out");
	if (check_name("ifname", qemu_opts_get(opts, "ifname"), err) < 0)
		return -1;
	return check_bridge(b, opts, err);
}

static struct plan_nic *add_nic(struct build *b, const struct qemu_opts *opts)
{
	struct plan *plan = b->plan;
	struct plan_nic *nic;

	plan->nics = xgrow(plan->nics, plan->n_nics, sizeof(*plan->nics));
	nic = &plan->nics[plan->n_nics];
	memset(nic, 0, sizeof(*nic));
	nic->xenif = (unsigned)plan->n_nics;
	nic->tap = xasprintf("tap%u", nic->xenif);
	nic->netdev = xstrdup(qemu_opts_get(opts, "id"));
	nic->bridge = xstrdup_null(qemu_opts_get(opts, "br"));
	nic->vifname = xstrdup_null(qemu_opts_get(opts, "ifname"));
	if (has_script(opts))
		nic->script = xstrdup(qemu_opts_get(opts, "script"));
	plan->n_nics++;
	return nic;
}

/* The netdev's options for the tap that the agent has made and wired. */
static void rewrite_tap(struct build *b, struct qemu_opts *opts, const char *tap)
{
	static const char *const gone[] = {"br", "helper", "vhostforce"};

	qemu_opts_set(opts, "type", "tap");
	qemu_opts_set(opts, "ifname", tap);
	qemu_opts_set(opts, "script", "no");
	qemu_opts_set(opts, "downscript", "no");
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		qemu_opts_remove(opts, gone[i]);
	if (qemu_opts_get_bool(opts, "vhost", false) != 0)
		plan_note(b->plan, "the stub domain has no vhost; %s goes through QEMU",
			  tap);
	qemu_opts_remove(opts, "vhost");
}

static int carry_tap(struct build *b, const char *option, struct qemu_opts *opts,
		     struct err *err)
{
	const char *id = qemu_opts_get(opts, "id");
	struct plan_nic *nic;

	if (!id)
		return err_set(err, ERR_USAGE, "id= is missing");
	if (b->plan->n_nics >= BUILD_NICS_MAX)
		return err_set(err, ERR_USAGE, "more than %d network interfaces",
			       BUILD_NICS_MAX);
	for (size_t i = 0; i < b->plan->n_nics; i++) {
		if (strcmp(b->plan->nics[i].netdev, id) == 0)
			return err_set(err, ERR_USAGE, "the id '%.64s' is given twice",
				       id);
	}
	if (check_tap(b, opts, err) < 0)
		return -1;
	nic = add_nic(b, opts);
	if (nic->script && build_check_path(nic->script, err) < 0)
		return err_prefix(err, "script");
	if (find_device(b, nic->netdev, nic, err) < 0 ||
	    check_unique(b->plan, nic, err) < 0)
		return -1;
	rewrite_tap(b, opts, nic->tap);
	build_emit_opts(b, option, opts);
	return 0;
}

int build_netdev(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	const char *type;
	int rc;

	if (qemu_opts_parse(arg->value, "type", true, &opts, err) < 0)
		return -1;
	type = qemu_opts_get(&opts, "type");
	if (type && (strcmp(type, "tap") == 0 || strcmp(type, "bridge") == 0)) {
		rc = carry_tap(b, arg->text, &opts, err);
	} else if (type && strcmp(type, "hubport") == 0) {
		build_emit_pair(b, arg->text, arg->value);
		rc = 0;
	} else {
		rc = err_set(err, ERR_USAGE,
			     "the stub domain has no network of its own for '%.64s'; use "
			     "type=tap with the bridge in br=",
			     type ? type : "");
	}
	qemu_opts_free(&opts);
	return rc;
}

int build_net(struct build *b, const struct arg *arg, struct err *err)
{
	if (strcmp(arg->value, "none") != 0)
		return err_set(err, ERR_USAGE,
			       "only none is carried of this old spelling; %s",
			       arg->option->why);
	build_emit_pair(b, arg->text, arg->value);
	return 0;
}
