/* SPDX-License-Identifier: MIT */
/* Common code of the parts of plan_build: adding to a plan, and checks of names and
 * paths. */
#include "plan/builder.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "unix_address.h"
#include "xalloc.h"

void build_emit(struct build *b, const char *text)
{
	struct plan *plan = b->plan;

	plan->qemu = xgrow(plan->qemu, plan->n_qemu + 1, sizeof(*plan->qemu));
	plan->qemu[plan->n_qemu++] = xstrdup(text);
	plan->qemu[plan->n_qemu] = NULL;
}

void build_emit_pair(struct build *b, const char *option, const char *value)
{
	build_emit(b, option);
	build_emit(b, value);
}

void build_emit_opts(struct build *b, const char *option, const struct qemu_opts *opts)
{
	cleanup_free char *text = qemu_opts_format(opts);

	build_emit_pair(b, option, text);
}

int build_check_path(const char *path, struct err *err)
{
	if (path[0] == '\0')
		return err_set(err, ERR_USAGE, "the file's name is empty");
	if (path[0] != '/')
		return err_set(err, ERR_USAGE,
			       "'%.200s' is no absolute path; begin it with '/'", path);
	if (strlen(path) > BUILD_PATH_MAX)
		return err_set(err, ERR_USAGE, "the path is longer than %d bytes",
			       BUILD_PATH_MAX);
	if (strncmp(path, "/dev/fdset/", 11) == 0)
		return err_set(err, ERR_USAGE,
			       "descriptors of dom0 cannot be handed to the stub domain; "
			       "name the file itself");
	return 0;
}

const struct plan_disk *build_add_disk(struct build *b, const char *target,
				       const char *format, bool readonly, const char *use,
				       struct err *err)
{
	struct plan *plan = b->plan;

	if (plan->n_disks >= BUILD_DISKS_MAX) {
		err_set(err, ERR_USAGE, "more than %d disks", BUILD_DISKS_MAX);
		return NULL;
	}
	if (build_check_path(target, err) < 0)
		return NULL;
	return plan_add_disk(plan, target, format, readonly, use);
}

int build_add_file(struct build *b, const char *name, const char *source, struct err *err)
{
	struct plan *plan = b->plan;

	for (size_t i = 0; i < plan->n_files; i++) {
		if (strcmp(plan->files[i].name, name) == 0)
			return err_set(err, ERR_USAGE, "given twice; leave one out");
	}
	if (build_check_path(source, err) < 0)
		return -1;
	plan->files = xgrow(plan->files, plan->n_files, sizeof(*plan->files));
	plan->files[plan->n_files++] =
		(struct plan_file){xstrdup(name), xstrdup(source), 0};
	return 0;
}

static bool channel_exists(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		if (strcmp(plan->channels[i].name, name) == 0)
			return true;
	}
	return false;
}

static int check_endpoint(const struct plan_endpoint *e, struct err *err)
{
	if (!e->path)
		return 0;
	if (build_check_path(e->path, err) < 0)
		return -1;
	if ((e->type == PLAN_ENDPOINT_UNIX_LISTEN ||
	     e->type == PLAN_ENDPOINT_UNIX_CONNECT) &&
	    strlen(e->path) > UNIX_ADDRESS_MAX)
		return err_set(err, ERR_USAGE, "a socket's path has at most %d bytes",
			       UNIX_ADDRESS_MAX);
	return 0;
}

struct plan_channel *build_add_channel(struct build *b, const char *label,
				       const char *name, enum stubdom_channel_kind kind,
				       struct plan_endpoint *endpoint, struct err *err)
{
	struct plan *plan = b->plan;
	struct plan_channel *ch;

	/* In the plan before anything can fail: plan_free frees the endpoint then. */
	plan->channels = xgrow(plan->channels, plan->n_channels, sizeof(*plan->channels));
	ch = &plan->channels[plan->n_channels];
	memset(ch, 0, sizeof(*ch));
	if (!name)
		name = label;
	ch->name = channel_name_valid(name) && !channel_exists(plan, name)
			   ? xstrdup(name)
			   : xasprintf("%zu-chardev", plan->n_channels);
	plan->n_channels++;
	ch->label = xstrdup_null(label);
	ch->kind = kind;
	ch->stub_path = xasprintf(STUBDOM_SOCKET_DIR "/%s.sock", ch->name);
	ch->endpoint = *endpoint;
	memset(endpoint, 0, sizeof(*endpoint));
	for (size_t i = 0; label && i + 1 < plan->n_channels; i++) {
		if (plan->channels[i].label &&
		    strcmp(plan->channels[i].label, label) == 0) {
			err_set(err, ERR_USAGE, "the id '%.64s' is given twice", label);
			return NULL;
		}
	}
	if (plan->n_channels > STUBDOM_CHANNELS_MAX) {
		err_set(err, ERR_USAGE, "more than %d channels", STUBDOM_CHANNELS_MAX);
		return NULL;
	}
	return check_endpoint(&ch->endpoint, err) < 0 ? NULL : ch;
}

static bool in_list(const char *word, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(word, *list) == 0)
			return true;
	}
	return false;
}

int build_check_values(const struct qemu_opts *opts, struct err *err)
{
	/* Keys that QEMU's options, devices and objects use for files and descriptors. */
	static const char *const file_keys[] = {
		"bundle-file", "dir",	   "events",   "evdev",	   "fd",
		"fds",	       "file",	   "filename", "kernel",   "initrd",
		"logfile",     "mem-path", "path",     "rootdir",  "rrfile",
		"splash",      "vhostdev", "vhostfd",  "vhostfds", NULL};
	/* The stub domain has these too. */
	static const char *const harmless[] = {"/dev/urandom", "/dev/random", "/dev/null",
					       NULL};

	for (size_t i = 0; i < opts->n; i++) {
		const char *name = opts->list[i].name;
		const char *value = opts->list[i].value;
		const char *dot = strrchr(name, '.');

		if (in_list(value, harmless) || value[0] == '\0')
			continue;
		if (value[0] == '/' || in_list(dot ? dot + 1 : name, file_keys))
			return err_set(
				err, ERR_USAGE,
				"'%.64s' names something of dom0 (%.200s) that the stub "
				"domain does not have; leave it out, or run this guest "
				"with QEMU in dom0",
				name, value);
	}
	return 0;
}
