/* SPDX-License-Identifier: MIT */
/* Moves the guest's PV devices from a QEMU of dom0, which there is not, to the stub
 * domain's. */
#include "domain/backends.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "xenstore_util.h"

/* enum xenbus_state */
#define STATE_INITIALISING "1"
#define STATE_CLOSED "6"

struct move {
	struct domain_host *host;
	const struct plan *plan;
	uint32_t stub;
	const char *type;
	const char *id;
	char from[128], to[128]; /* the back end's directory, before and after */
};

/*
 * What QEMU opens for a disk, by the stub domain's own name of it: libxl writes
 * "qcow2:/path".  NULL if the stub domain has no such disk, or if the disk has backing
 * files: xenstore's `params` cannot name those.
 */
static char *translate_params(const struct plan *plan, const char *params)
{
	const char *colon = strchr(params, ':');
	const char *path = colon ? colon + 1 : params;
	const struct plan_disk *found = NULL;
	char *out = NULL;

	for (size_t i = 0; i < plan->n_disks && !found; i++) {
		const struct plan_disk *disk = &plan->disks[i];

		if (strcmp(disk->target, path) == 0)
			found = disk;
	}
	if (!found || found->has_backing)
		return NULL;
	if (asprintf(&out, "%.*s/dev/%s", (int)(path - params), params, found->dev) < 0)
		return NULL;
	return out;
}

/* The value that a node of the back end gets; NULL: the device cannot be served. */
static char *new_value(const struct move *m, const char *key, char *value)
{
	char *text = NULL;

	if (strcmp(m->type, "qdisk") == 0 && strcmp(key, "params") == 0) {
		text = translate_params(m->plan, value);
		free(value);
		return text;
	}
	return value;
}

static int put(const struct move *m, const char *key, const char *value, struct err *err)
{
	struct xs_permissions perms[2] = {
		{.id = m->stub, .perms = XS_PERM_NONE},
		{.id = m->plan->guest_domid, .perms = XS_PERM_READ},
	};
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", m->to, *key ? "/" : "", key);
	if (xs_write(m->host->xs, XBT_NULL, path, value, (unsigned)strlen(value)) &&
	    xs_set_permissions(m->host->xs, XBT_NULL, path, perms, 2))
		return 0;
	return err_errno(err, ERR_HOST, errno, "xenstore: writing %s", path);
}

/* 1: it is there; 0: the stub domain cannot serve it. */
static int copy(const struct move *m, struct err *err)
{
	unsigned n = 0;
	char **keys = xs_directory(m->host->xs, XBT_NULL, m->from, &n);
	int rc = 1;

	if (!keys || put(m, "", "", err) < 0)
		rc = keys ? -1 : 0;
	for (unsigned i = 0; i < n && rc > 0; i++) {
		cleanup_free char *value =
			xenstore_read(m->host->xs, "%s/%s", m->from, keys[i]);

		/* QEMU takes the device when `state` comes, so that is last. */
		if (!value || strcmp(keys[i], "state") == 0 ||
		    strcmp(keys[i], "hotplug-status") == 0)
			continue;
		value = new_value(m, keys[i], value);
		if (!value)
			rc = 0;
		else if (put(m, keys[i], value, err) < 0)
			rc = -1;
	}
	free(keys);
	if (rc > 0 && put(m, "state", STATE_INITIALISING, err) < 0)
		rc = -1;
	return rc;
}

/* The guest's half gets the new place of the other. */
static int point_frontend(const struct move *m, const char *frontend, struct err *err)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", m->stub);
	if (xenstore_write(m->host->xs, err, m->to, "%s/backend", frontend) < 0 ||
	    xenstore_write(m->host->xs, err, id, "%s/backend-id", frontend) < 0)
		return -1;
	return 0;
}

/* No PV driver of a guest takes a CD drive, and its CD is changed in the emulated one. */
static bool is_cd(const struct move *m)
{
	cleanup_free char *removable =
		xenstore_read(m->host->xs, "%s/removable", m->from);

	return strcmp(m->type, "qdisk") == 0 && removable && strcmp(removable, "1") == 0;
}

static int move_one(struct move *m, struct err *err)
{
	cleanup_free char *frontend = NULL;
	cleanup_free char *type = NULL;
	int rc;

	snprintf(m->from, sizeof(m->from), "/local/domain/0/backend/%s/%u/%s", m->type,
		 m->plan->guest_domid, m->id);
	snprintf(m->to, sizeof(m->to), "/local/domain/%u/backend/%s/%u/%s", m->stub,
		 m->type, m->plan->guest_domid, m->id);
	frontend = xenstore_read(m->host->xs, "%s/frontend", m->from);
	if (!frontend)
		return 0;
	type = xenstore_read(m->host->xs, "%s/type", frontend);
	/* xenconsoled serves the guest's first console, and does it in dom0. */
	if (strcmp(m->type, "console") == 0 && (!type || strcmp(type, "ioemu") != 0))
		return 0;
	rc = is_cd(m) ? 0 : copy(m, err);
	if (rc > 0 && point_frontend(m, frontend, err) < 0)
		rc = -1;
	if (rc < 0)
		return -1;
	if (rc == 0) {
		xenstore_remove(m->host->xs, "%s", m->to);
		if (!is_cd(m))
			log_warn(
				"the guest's PV device %s %s cannot be served; its "
				"emulated one can be used (xen_platform_pci=0 keeps the guest to that)",
				m->type, m->id);
	}
	/* Nobody ever answers here, and neither guest nor libxl has to wait for it. */
	return xenstore_write(m->host->xs, err, STATE_CLOSED, "%s/state", m->from);
}

int domain_backends_move(struct domain_host *host, const struct plan *plan, uint32_t stub,
			 struct err *err)
{
	static const char *const types[] = {"qdisk",   "vkbd", "vfb",
					    "console", "9pfs", "qusb"};
	int rc = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && rc == 0; i++) {
		char dir[XENSTORE_PATH_MAX];
		unsigned n = 0;
		char **ids;

		snprintf(dir, sizeof(dir), "/local/domain/0/backend/%s/%u", types[i],
			 plan->guest_domid);
		ids = xs_directory(host->xs, XBT_NULL, dir, &n);
		for (unsigned k = 0; ids && k < n && rc == 0; k++) {
			struct move m = {.host = host,
					 .plan = plan,
					 .stub = stub,
					 .type = types[i],
					 .id = ids[k]};

			rc = move_one(&m, err);
		}
		free(ids);
	}
	return rc;
}
