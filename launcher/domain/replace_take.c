/* SPDX-License-Identifier: MIT */
/* The moment at which the guest becomes the new stub domain's: abi/boot.h, STUBDOM_XS_TAKE. */
#include "domain/replace_take.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/boot.h"
#include "cleanup.h"
#include "clock.h"
#include "domain/end_signals.h"
#include "xenstore_util.h"

/* For one call of Xen, on a host that is overloaded. */
enum { TORN_MS = 60000 };

struct taking {
	struct domain_host *host;
	uint32_t stub;
	char path[XENSTORE_PATH_MAX];
};

static bool let_write(const struct taking *t, bool may)
{
	struct xs_permissions perms[2] = {
		{.id = 0, .perms = XS_PERM_NONE},
		{.id = t->stub, .perms = XS_PERM_READ | XS_PERM_WRITE},
	};

	return xs_set_permissions(t->host->xs, XBT_NULL, t->path, perms, may ? 2 : 1);
}

static bool is_mine(const struct taking *t)
{
	cleanup_free char *said = xs_read(t->host->xs, XBT_NULL, t->path, NULL);

	return said && strcmp(said, STUBDOM_TAKE_MINE) == 0;
}

static bool is_done(const struct taking *t)
{
	return xenstore_exists(t->host->xs, "/local/domain/%u/" STUBDOM_XS_TAKEN,
			       t->stub);
}

/*
 * xenstored takes one request after the other: what the node says once nobody else can
 * write there is the last word.
 */
static enum replace_take take_back(const struct taking *t)
{
	return let_write(t, false) && !is_mine(t) ? REPLACE_NOT_TAKEN : REPLACE_TORN;
}

static enum replace_take wait_done(const struct taking *t, int signals, int64_t until,
				   struct err *err)
{
	int64_t last = until + TORN_MS;

	while (!is_done(t)) {
		int64_t now = clock_ms();

		if (domain_host_life(t->host, t->stub) != DOMAIN_LIFE_ALIVE) {
			err_set(err, ERR_STUB,
				"the new stub domain ended as it took the guest");
			return is_done(t) ? REPLACE_TAKEN : take_back(t);
		}
		if (now >= until && take_back(t) == REPLACE_NOT_TAKEN) {
			err_set(err, ERR_STUB,
				"the new stub domain does not take the guest");
			return REPLACE_NOT_TAKEN;
		}
		if (now >= last || end_signals_came(signals)) {
			err_set(err, ERR_STUB,
				"the new stub domain does not say that it has the guest");
			return take_back(t);
		}
		clock_wait_ms(1);
	}
	return REPLACE_TAKEN;
}

enum replace_take replace_take(struct domain_host *host, uint32_t stub, int signals,
			       int64_t until, struct err *err)
{
	struct taking t = {.host = host, .stub = stub};

	snprintf(t.path, sizeof(t.path), "/local/domain/%u/" STUBDOM_XS_TAKE, stub);
	if (domain_host_life(host, stub) != DOMAIN_LIFE_ALIVE) {
		err_set(err, ERR_STUB, "the new stub domain has ended");
		return REPLACE_NOT_TAKEN;
	}
	/* Nobody else can write there yet. */
	if (xenstore_write(host->xs, err, "1", "%s", t.path) < 0)
		return REPLACE_NOT_TAKEN;
	if (!let_write(&t, true)) {
		err_errno(err, ERR_HOST, errno, "xenstore: opening %s", t.path);
		return take_back(&t);
	}
	return wait_done(&t, signals, until, err);
}
