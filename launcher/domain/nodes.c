/* SPDX-License-Identifier: MIT */
/* Watches on the xenstore nodes that the stub domain writes, at a bounded rate. */
#include "domain/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/boot.h"
#include "abi/channel.h"
#include "log.h"
#include "xenstore_util.h"

static const struct {
	const char *node;
	const char *token;
} watched[] = {
	{"data/stubdom", DOMAIN_NODES_REPORT},
	{STUBDOM_XS_CHANNEL, DOMAIN_NODES_CHANNEL},
	{"device/pci", DOMAIN_NODES_PCI},
	{"backend", DOMAIN_NODES_BACKEND},
};

enum { WATCHED = sizeof(watched) / sizeof(watched[0]) };

static void make_path(const struct domain_nodes *nodes, const char *node,
		      char path[XENSTORE_PATH_MAX])
{
	snprintf(path, XENSTORE_PATH_MAX, "/local/domain/%u/%s", nodes->stub, node);
}

static int watch_all(struct domain_nodes *nodes, struct err *err)
{
	char path[XENSTORE_PATH_MAX];

	for (size_t i = 0; i < WATCHED; i++) {
		make_path(nodes, watched[i].node, path);
		if (!xs_watch(nodes->xs, path, watched[i].token))
			return err_errno(err, ERR_HOST, errno, "xenstore: watching %s",
					 path);
	}
	return 0;
}

static void unwatch_all(const struct domain_nodes *nodes)
{
	char path[XENSTORE_PATH_MAX];

	for (size_t i = 0; i < WATCHED; i++) {
		make_path(nodes, watched[i].node, path);
		xs_unwatch(nodes->xs, path, watched[i].token);
	}
}

int domain_nodes_watch(struct domain_nodes *nodes, struct xs_handle *xs, uint32_t stub,
		       struct err *err)
{
	char path[XENSTORE_PATH_MAX];

	*nodes = (struct domain_nodes){
		.xs = xs,
		.stub = stub,
		.rate = rate_full(DOMAIN_NODES_PER_S, DOMAIN_NODES_AT_ONCE),
	};
	/* dom0's own, and not the stub domain's to write. */
	make_path(nodes, "console/tty", path);
	if (!xs_watch(xs, path, DOMAIN_NODES_CHANNEL))
		return err_errno(err, ERR_HOST, errno, "xenstore: watching %s", path);
	return watch_all(nodes, err);
}

void domain_nodes_unwatch(struct domain_nodes *nodes)
{
	char path[XENSTORE_PATH_MAX];

	make_path(nodes, "console/tty", path);
	xs_unwatch(nodes->xs, path, DOMAIN_NODES_CHANNEL);
	if (!nodes->off)
		unwatch_all(nodes);
}

bool domain_nodes_owns(const char *token)
{
	for (size_t i = 0; i < WATCHED; i++) {
		if (strcmp(watched[i].token, token) == 0)
			return true;
	}
	return false;
}

void domain_nodes_spend(struct domain_nodes *nodes, unsigned events, int64_t now_ms)
{
	if (events == 0)
		return;
	rate_left(&nodes->rate, now_ms);
	rate_spend(&nodes->rate, events);
	if (nodes->off || nodes->rate.left > 0)
		return;
	unwatch_all(nodes);
	if (!nodes->told)
		log_warn("domain %u floods its nodes in xenstore; dom0 looks at the last "
			 "of them, once a second",
			 nodes->stub);
	nodes->told = true;
	nodes->off = true;
	nodes->on_at_ms = now_ms + DOMAIN_NODES_OFF_MS;
	/*
	 * The node's events on their way are not held against it, or it would never be
	 * heard.
	 */
	nodes->rate.left = 0;
}

int domain_nodes_tick(struct domain_nodes *nodes, int64_t now_ms, struct err *err)
{
	if (!nodes->off || now_ms < nodes->on_at_ms)
		return 0;
	nodes->off = false;
	return watch_all(nodes, err);
}

int domain_nodes_timeout(const struct domain_nodes *nodes, int64_t now_ms)
{
	int64_t left = nodes->on_at_ms - now_ms;

	if (!nodes->off)
		return -1;
	return left > 0 ? (int)left : 0;
}
