/* SPDX-License-Identifier: MIT */
/* One PV device of the guest, on its way from dom0 to the stub domain's QEMU. */
#include "domain/backend_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "xenstore_util.h"

enum { TRIES = 16 }; /* of a transaction */

/* The toolstack's nodes in the guest's half of a device, besides the other half. */
static const char *const kept[BACKEND_KEPT] = {"virtual-device", "device-type",
					       "trusted"};

void backend_device_init(struct backend_device *device, const struct backend_place *place,
			 const char *type, const char *id)
{
	*device = (struct backend_device){.type = type};
	snprintf(device->id, sizeof(device->id), "%s", id);
	snprintf(device->from, sizeof(device->from), "/local/domain/0/backend/%s/%u/%s",
		 type, place->guest, device->id);
	snprintf(device->to, sizeof(device->to), "/local/domain/%u/backend/%s/%u/%s",
		 place->stub, type, place->guest, device->id);
}

char *backend_device_read(const struct backend_device *device,
			  const struct backend_place *place, const char *key)
{
	return xenstore_read(place->host->xs, "%s/%s", device->from, key);
}

char **backend_device_list_ids(struct xs_handle *xs, const char *type, unsigned guest,
			       unsigned *n)
{
	char dir[XENSTORE_PATH_MAX];
	char **ids;

	*n = 0;
	snprintf(dir, sizeof(dir), "/local/domain/0/backend/%s/%u", type, guest);
	ids = xs_directory(xs, XBT_NULL, dir, n);
	if (!ids)
		*n = 0;
	return ids;
}

const char *backend_params_split(const char *params, char format[16])
{
	const char *colon = strchr(params, ':');
	size_t len = colon ? (size_t)(colon - params) : 0;

	/* libxl's own names of these two (libxl__device_disk_string_of_format). */
	if (!colon || strncmp(params, "aio:", 4) == 0)
		snprintf(format, 16, "raw");
	else if (strncmp(params, "vhd:", 4) == 0)
		snprintf(format, 16, "vpc");
	else
		snprintf(format, 16, "%.*s", (int)(len < 15 ? len : 15), params);
	return colon ? colon + 1 : params;
}

static int put(const struct backend_device *device, const struct backend_place *place,
	       const char *key, const char *value, struct err *err)
{
	struct xs_handle *xs = place->host->xs;
	struct xs_permissions perms[2] = {
		{.id = place->stub, .perms = XS_PERM_NONE},
		{.id = place->guest, .perms = XS_PERM_READ},
	};
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", device->to, *key ? "/" : "", key);
	if (xs_write(xs, XBT_NULL, path, value, (unsigned)strlen(value)) &&
	    xs_set_permissions(xs, XBT_NULL, path, perms, 2))
		return 0;
	return err_errno(err, ERR_HOST, errno, "xenstore: writing %s", path);
}

/* The value that a node of the back end gets. */
static char *new_value(const struct backend_device *device, const char *key, char *value,
		       const char *dev)
{
	const char *colon = strchr(value, ':');
	char *text = NULL;

	if (!dev || strcmp(device->type, "qdisk") != 0 || strcmp(key, "params") != 0)
		return value;
	if (asprintf(&text, "%.*s/dev/%s", colon ? (int)(colon + 1 - value) : 0, value,
		     dev) < 0)
		text = NULL;
	free(value);
	return text;
}

/* All nodes but the state, with which QEMU takes the device. */
static int copy(const struct backend_device *device, const struct backend_place *place,
		const char *dev, struct err *err)
{
	unsigned n = 0;
	char **keys = xs_directory(place->host->xs, XBT_NULL, device->from, &n);
	int rc;

	if (!keys)
		return err_errno(err, ERR_HOST, errno, "xenstore: reading %s",
				 device->from);
	rc = put(device, place, "", "", err);
	for (unsigned i = 0; i < n && rc == 0; i++) {
		cleanup_free char *value = backend_device_read(device, place, keys[i]);

		if (!value || strcmp(keys[i], "state") == 0 ||
		    strcmp(keys[i], "hotplug-status") == 0)
			continue;
		value = new_value(device, keys[i], value, dev);
		rc = value ? put(device, place, keys[i], value, err)
			   : err_set(err, ERR_HOST, "out of memory");
	}
	free(keys);
	return rc;
}

static bool write_in(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		     const char *key, const char *value)
{
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	return xs_write(xs, t, path, value, (unsigned)strlen(value));
}

/* The guest's half, whole at once: the guest looks at it as soon as it is there. */
static bool write_frontend(const struct backend_device *device,
			   const struct backend_place *place, xs_transaction_t t,
			   const char *frontend)
{
	struct xs_handle *xs = place->host->xs;
	struct xs_permissions perms[2] = {
		{.id = place->guest, .perms = XS_PERM_NONE},
		{.id = place->stub, .perms = XS_PERM_READ},
	};
	char id[16];
	bool ok = xs_mkdir(xs, t, frontend) &&
		  xs_set_permissions(xs, t, frontend, perms, 2);

	snprintf(id, sizeof(id), "%u", place->stub);
	for (int i = 0; ok && i < BACKEND_KEPT; i++)
		ok = !device->kept[i][0] ||
		     write_in(xs, t, frontend, kept[i], device->kept[i]);
	return ok && write_in(xs, t, frontend, "backend", device->to) &&
	       write_in(xs, t, frontend, "backend-id", id) &&
	       write_in(xs, t, frontend, "state", BACKEND_INITIALISING);
}

int backend_device_offer(const struct backend_device *device,
			 const struct backend_place *place, struct err *err)
{
	struct xs_handle *xs = place->host->xs;
	cleanup_free char *frontend = backend_device_read(device, place, "frontend");
	bool done = false;
	bool ok = true;

	if (!frontend)
		return err_set(err, ERR_HOST, "xenstore: %s/frontend is not there",
			       device->from);
	/* A guest that writes there all the time must not keep us here. */
	for (int i = 0; i < TRIES && !done && ok; i++) {
		xs_transaction_t t = xs_transaction_start(xs);

		ok = t != XBT_NULL && write_frontend(device, place, t, frontend);
		done = t != XBT_NULL && xs_transaction_end(xs, t, !ok);
		ok = ok && (done || errno == EAGAIN);
	}
	return ok && done ? 0
			  : err_errno(err, ERR_HOST, errno, "xenstore: writing %s",
				      frontend);
}

void backend_device_hide(struct backend_device *device, const struct backend_place *place)
{
	struct xs_handle *xs = place->host->xs;
	cleanup_free char *frontend = backend_device_read(device, place, "frontend");

	for (int i = 0; frontend && i < BACKEND_KEPT; i++) {
		cleanup_free char *value = xenstore_read(xs, "%s/%s", frontend, kept[i]);

		snprintf(device->kept[i], BACKEND_KEPT_MAX, "%s", value ? value : "");
	}
	if (frontend)
		xenstore_remove(xs, "%s", frontend);
}

int backend_device_move(const struct backend_device *device,
			const struct backend_place *place, const char *dev,
			struct err *err)
{
	if (copy(device, place, dev, err) < 0 ||
	    backend_device_offer(device, place, err) < 0)
		return -1;
	return put(device, place, "state", BACKEND_INITIALISING, err);
}

int backend_device_prepare(const struct backend_device *device,
			   const struct backend_place *place, const char *dev,
			   struct err *err)
{
	if (copy(device, place, dev, err) < 0)
		return -1;
	return put(device, place, "state", BACKEND_INITIALISING, err);
}

bool backend_device_unused(const struct backend_device *device,
			   const struct backend_place *place)
{
	cleanup_free char *frontend = backend_device_read(device, place, "frontend");
	cleanup_free char *state =
		frontend ? xenstore_read(place->host->xs, "%s/state", frontend) : NULL;

	return !state || strcmp(state, BACKEND_INITIALISING) == 0;
}

void backend_device_end(const struct backend_device *device,
			const struct backend_place *place)
{
	struct xs_handle *xs = place->host->xs;
	struct err err;

	if (!xenstore_exists(xs, "%s/state", device->to))
		return;
	if (put(device, place, "online", "0", &err) < 0 ||
	    put(device, place, "state", BACKEND_CLOSING_STATE, &err) < 0)
		log_warn("%s", err.msg);
}

void backend_device_show(const struct backend_device *device,
			 const struct backend_place *place, const char *state, bool over)
{
	struct xs_handle *xs = place->host->xs;
	char path[XENSTORE_PATH_MAX];
	bool done = false;

	snprintf(path, sizeof(path), "%s/state", device->from);
	for (int i = 0; i < TRIES && !done; i++) {
		xs_transaction_t t = xs_transaction_start(xs);
		cleanup_free char *now = NULL;
		bool wanted;
		unsigned len;

		if (t == XBT_NULL)
			return;
		now = xs_read(xs, t, path, &len);
		wanted = now && strcmp(now, state) != 0 &&
			 (over || strcmp(now, BACKEND_CLOSING_STATE) != 0);
		if (wanted)
			xs_write(xs, t, path, state, (unsigned)strlen(state));
		done = xs_transaction_end(xs, t, !wanted) || errno != EAGAIN;
	}
}
