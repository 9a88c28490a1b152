/* SPDX-License-Identifier: MIT */
/* Cuts a stub domain that stands still off from its disks: dom0 takes nothing more from it. */
#include "domain/disk_cut.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "domain/end_signals.h"
#include "xenstore_util.h"

/* Of XenbusState. */
#define CLOSING "5"
#define CLOSED "6"

enum {
	LOOK_MS = 2,
	TRIES = 100, /* of a transaction */
};

static bool write_in(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		     const char *key, const char *value)
{
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	return xs_write(xs, t, path, value, (unsigned)strlen(value));
}

/*
 * The other side is gone, for the back end: blkback then stops its thread, whatever is in the
 * ring (Linux's drivers/block/xen-blkback/xenbus.c).  libxl does the same when it destroys
 * the domain (libxl_device.c), and finds it done.
 */
static bool begin(struct xs_handle *xs, xs_transaction_t t, const char *frontend,
		  const char *backend)
{
	char path[XENSTORE_PATH_MAX];
	cleanup_free char *state = NULL;

	snprintf(path, sizeof(path), "%s/state", backend);
	state = xs_read(xs, t, path, NULL);
	if (!state)
		return true;
	if (!xs_rm(xs, t, frontend) && errno != ENOENT)
		return false;
	return strcmp(state, CLOSED) == 0 || (write_in(xs, t, backend, "online", "0") &&
					      write_in(xs, t, backend, "state", CLOSING));
}

static int close_one(struct xs_handle *xs, const char *frontend, const char *backend,
		     struct err *err)
{
	bool done = false, ok = true;

	for (int i = 0; i < TRIES && ok && !done; i++) {
		xs_transaction_t t = xs_transaction_start(xs);

		ok = t != XBT_NULL && begin(xs, t, frontend, backend);
		done = t != XBT_NULL && xs_transaction_end(xs, t, !ok);
		ok = ok && (done || errno == EAGAIN);
	}
	return ok && done
		       ? 0
		       : err_errno(err, ERR_HOST, errno, "xenstore: closing %s", backend);
}

static bool is_closed(struct xs_handle *xs, const char *backend)
{
	cleanup_free char *state = xenstore_read(xs, "%s/state", backend);

	return !state || strcmp(state, CLOSED) == 0;
}

static int wait_closed(struct xs_handle *xs, const char *backend, int signals,
		       int64_t until, struct err *err)
{
	while (!is_closed(xs, backend)) {
		if (end_signals_came(signals))
			return err_set(err, ERR_HOST, "the toolstack ends the guest");
		if (clock_ms() >= until)
			return err_set(err, ERR_HOST, "%s does not close", backend);
		clock_wait_ms(LOOK_MS);
	}
	return 0;
}

/* Begins with all before it waits for one. */
int domain_disks_cut(struct domain_host *host, uint32_t stub, int signals, int64_t until,
		     struct err *err)
{
	struct xs_handle *xs = host->xs;
	char dir[64];
	cleanup_free char **ids = NULL;
	unsigned n = 0;
	int rc = 0;

	snprintf(dir, sizeof(dir), "/libxl/%u/device/vbd", stub);
	ids = xs_directory(xs, XBT_NULL, dir, &n);
	for (unsigned i = 0; i < 2 * n && rc == 0; i++) {
		const char *id = ids[i % n];
		cleanup_free char *backend = xenstore_read(xs, "%s/%s/backend", dir, id);
		cleanup_free char *frontend =
			xenstore_read(xs, "%s/%s/frontend", dir, id);

		if (!backend || !frontend)
			continue;
		rc = i < n ? close_one(xs, frontend, backend, err)
			   : wait_closed(xs, backend, signals, until, err);
	}
	return rc;
}
