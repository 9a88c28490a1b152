/* SPDX-License-Identifier: MIT */
/* argv to plan: each option goes to the handler of its class. */
#include <stdint.h>
#include <string.h>
#include <xen/xen.h>

#include "cleanup.h"
#include "decimal.h"
#include "plan/builder.h"
#include "plan/own_channels.h"
#include "plan/viewers.h"
#include "xalloc.h"

enum { DOMID_MAX = DOMID_FIRST_RESERVED - 1 };

static int keep(struct build *b, const struct arg *arg, struct err *err)
{
	if (arg->value)
		build_emit_pair(b, arg->text, arg->value);
	else
		build_emit(b, arg->text);
	return 0;
}

static int keep_checked(struct build *b, const struct arg *arg, struct err *err)
{
	const char *implied = arg->option->detail;
	struct qemu_opts opts;
	int rc;

	if (qemu_opts_parse(arg->value, *implied ? implied : NULL, true, &opts, err) < 0)
		return -1;
	rc = build_check_values(&opts, err);
	qemu_opts_free(&opts);
	return rc < 0 ? -1 : keep(b, arg, err);
}

static int keep_bare_name(struct build *b, const struct arg *arg, struct err *err)
{
	if (strchr(arg->value, '/'))
		return err_set(
			err, ERR_USAGE,
			"a file of dom0 that the stub domain does not have; give a "
			"bare name that is in the image, or leave it out");
	return keep(b, arg, err);
}

static int keep_paused(struct build *b, const struct arg *arg, struct err *err)
{
	b->plan->paused = true;
	return keep(b, arg, err);
}

static int keep_accel(struct build *b, const struct arg *arg, struct err *err)
{
	if (strcmp(arg->value, "xen") != 0 && strncmp(arg->value, "xen,", 4) != 0)
		return err_set(err, ERR_USAGE, "the guest runs on Xen; write -accel xen");
	return keep(b, arg, err);
}

static int keep_usbdevice(struct build *b, const struct arg *arg, struct err *err)
{
	static const char *const own[] = {"tablet", "mouse", "keyboard", "wacom-tablet"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(arg->value, own[i]) == 0)
			return keep(b, arg, err);
	}
	return err_set(err, ERR_USAGE, "%s", arg->option->why);
}

static int read_domid(struct build *b, const struct arg *arg, struct err *err)
{
	if (b->has_domid)
		return err_set(err, ERR_USAGE, "given twice; leave one out");
	if (decimal_parse_unsigned(arg->value, 1, DOMID_MAX, &b->plan->guest_domid) < 0)
		return err_set(err, ERR_USAGE, "no domain id of a guest (1 to %d)",
			       DOMID_MAX);
	b->has_domid = true;
	return keep(b, arg, err);
}

static int read_name(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	const char *guest;

	if (qemu_opts_parse(arg->value, "guest", false, &opts, err) < 0)
		return -1;
	guest = qemu_opts_get(&opts, "guest");
	if (guest && *guest) {
		free(b->plan->guest_name);
		b->plan->guest_name = xstrdup(guest);
	}
	qemu_opts_free(&opts);
	return keep(b, arg, err);
}

static int move_file(struct build *b, const struct arg *arg, struct err *err)
{
	cleanup_free char *inside = xasprintf("/%s", arg->option->detail);

	if (build_add_file(b, arg->option->detail, arg->value, err) < 0)
		return -1;
	build_emit_pair(b, arg->text, inside);
	return 0;
}

static int rewrite(struct build *b, const struct arg *arg, struct err *err)
{
	const char *space = strchr(arg->option->detail, ' ');
	cleanup_free char *option =
		xstrndup(arg->option->detail, (size_t)(space - arg->option->detail));

	build_emit_pair(b, option, space + 1);
	return 0;
}

static int drop(struct build *b, const struct arg *arg, struct err *err)
{
	plan_note(b->plan, "%s%s%s: dropped: %s", arg->text, arg->value ? " " : "",
		  arg->value ? arg->value : "", arg->option->why);
	return 0;
}

static int refuse(struct build *b, const struct arg *arg, struct err *err)
{
	return err_set(err, ERR_USAGE, "%s", arg->option->why);
}

/* Read before, into the options. */
static int skip(struct build *b, const struct arg *arg, struct err *err)
{
	return 0;
}

static build_handler *const handlers[] = {
	[OPTION_KEEP] = keep,
	[OPTION_CHECKED] = keep_checked,
	[OPTION_BARE_NAME] = keep_bare_name,
	[OPTION_DOMID] = read_domid,
	[OPTION_NAME] = read_name,
	[OPTION_PAUSED] = keep_paused,
	[OPTION_MACHINE] = build_machine,
	[OPTION_ACCEL] = keep_accel,
	[OPTION_DEVICE] = build_device,
	[OPTION_CHARDEV] = build_chardev,
	[OPTION_PORT] = build_port,
	[OPTION_DRIVE] = build_drive,
	[OPTION_DISK_FILE] = build_disk_file,
	[OPTION_BLOCKDEV] = build_blockdev,
	[OPTION_NETDEV] = build_netdev,
	[OPTION_NET] = build_net,
	[OPTION_VNC] = build_vnc,
	[OPTION_DISPLAY] = build_display,
	[OPTION_FILE] = move_file,
	[OPTION_INCOMING] = build_incoming,
	[OPTION_USBDEVICE] = keep_usbdevice,
	[OPTION_REWRITE] = rewrite,
	[OPTION_STUBDOM] = skip,
	[OPTION_DROP] = drop,
	[OPTION_REFUSE] = refuse,
};

/* Checks of the line as a whole. */
static int check_whole(const struct build *b, struct err *err)
{
	if (!b->has_domid)
		return err_set(err, ERR_USAGE,
			       "-xen-domid is missing; a toolstack runs stubdom-dm with "
			       "QEMU's arguments (try --help)");
	if (!args_find(b->args, "nodefaults"))
		return err_set(
			err, ERR_USAGE,
			"-nodefaults is missing; QEMU's default devices would need "
			"things of dom0 that the stub domain does not have");
	return 0;
}

static void set_identity(struct plan *plan, const struct stubopt *options)
{
	if (!plan->guest_name)
		plan->guest_name = xasprintf("dom%u", plan->guest_domid);
	plan->name = xasprintf("%s-dm", plan->guest_name);
	plan->kernel = options->kernel;
	plan->type = options->type;
	plan->memory_mb = options->memory_mb;
	plan->vcpus = options->vcpus;
	plan->timeout_s = options->timeout_s;
	plan->silence_max_s = options->silence_max_s;
	plan->uid_base = options->uid_base;
	plan->on_crash = options->on_crash;
	plan->core = options->core;
	plan->weight = options->weight;
	plan->cap = options->cap;
	plan->cpupool = xstrdup_null(options->cpupool);
	plan->seclabel = xstrdup_null(options->seclabel);
	plan->cpus = xstrdup_null(options->cpus);
	plan->log = options->log;
	plan->topology_file = xstrdup_null(options->topology);
	plan->backend = xstrdup_null(options->backend);
	plan->container_max_mb = options->container_max_mb;
	plan->backing_dir = xstrdup_null(options->backing);
}

static int build_line(struct build *b, struct err *err)
{
	build_emit(b, "qemu-system-i386");
	for (size_t i = 0; i < b->args->n; i++) {
		const struct arg *arg = &b->args->list[i];

		if (handlers[arg->option->class](b, arg, err) < 0)
			return arg_error(arg, err);
	}
	return check_whole(b, err);
}

int plan_build(const struct args *args, const struct stubopt *options, struct plan *out,
	       struct err *err)
{
	struct build b = {.plan = out, .args = args};

	memset(out, 0, sizeof(*out));
	if (build_line(&b, err) < 0)
		goto fail;
	set_identity(out, options);
	viewers_add_channels(out);
	if (own_add_channels(out, err) < 0)
		goto fail;
	return 0;
fail:
	plan_free(out);
	return -1;
}
