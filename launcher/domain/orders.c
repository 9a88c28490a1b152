/* SPDX-License-Identifier: MIT */
/* Orders that a toolstack gives to every domain, and so to the stub domain, too. */
#include "domain/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "plan/stubopt.h"
#include "xenstore_util.h"

/* Xen's XEN_LOCK_DIR in Debian; xenconsole holds this lock while it has the console. */
#define CONSOLE_LOCK "/var/lock/xenconsole.%u"

/* Only dom0 sees the node: a watch of the stub domain's on it does not fire. */
static int hide(struct domain_host *host, uint32_t stub, const char *node,
		struct err *err)
{
	struct xs_permissions nobody = {.id = 0, .perms = XS_PERM_NONE};
	char path[XENSTORE_PATH_MAX];

	if (xenstore_write(host->xs, err, "", "/local/domain/%u/%s", stub, node) < 0)
		return -1;
	snprintf(path, sizeof(path), "/local/domain/%u/%s", stub, node);
	if (!xs_set_permissions(host->xs, XBT_NULL, path, &nobody, 1))
		return err_errno(err, ERR_HOST, errno, "xenstore: closing %s", path);
	return 0;
}

static int lock_console(uint32_t stub)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), CONSOLE_LOCK, stub);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	log_warn("%s: %s; 'xl console' can take lines from this log", path,
		 strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int domain_orders_take(struct domain_orders *orders, struct domain_host *host,
		       uint32_t stub, const char *token, struct err *err)
{
	static const char *const nodes[] = {"control/shutdown", "control/sysrq"};
	static const char *const watched[] = {"control/shutdown", "control/sysrq", "cpu"};
	char path[XENSTORE_PATH_MAX];

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (hide(host, stub, nodes[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/%s", stub, watched[i]);
		if (!xs_watch(host->xs, path, token))
			return err_errno(err, ERR_HOST, errno, "xenstore: watching %s",
					 path);
	}
	orders->stub = stub;
	orders->console_lock = lock_console(stub);
	return 0;
}

/* "": there is none, or it is answered already. */
static char *ordered(const struct domain_orders *orders, struct domain_host *host,
		     const char *node)
{
	char *value = xenstore_read(host->xs, "/local/domain/%u/%s", orders->stub, node);

	return value ? value : strdup("");
}

static void clear(const struct domain_orders *orders, struct domain_host *host,
		  const char *node, const char *value)
{
	struct err err;

	if (xenstore_write(host->xs, &err, value, "/local/domain/%u/%s", orders->stub,
			   node) < 0)
		log_warn("%s", err.msg);
}

static void answer_shutdown(const struct domain_orders *orders, struct domain_host *host,
			    const struct plan *plan)
{
	cleanup_free char *order = ordered(orders, host, "control/shutdown");

	if (!order || !order[0])
		return;
	/* Acknowledged, libxl would wait a minute more for the domain to suspend. */
	if (strcmp(order, "suspend") == 0) {
		log_warn("%s cannot be suspended or saved: its guest can", plan->name);
		return;
	}
	clear(orders, host, "control/shutdown", "");
	log_info("%s was told '%.40s'; it serves its guest and ends with it", plan->name,
		 order);
}

static void answer_vcpus(const struct domain_orders *orders, struct domain_host *host,
			 const struct plan *plan)
{
	for (unsigned i = 0; i < STUBOPT_VCPUS_MAX; i++) {
		cleanup_free char *order = NULL;
		char node[40];

		snprintf(node, sizeof(node), "cpu/%u/availability", i);
		order = ordered(orders, host, node);
		if (!order || strcmp(order, "offline") != 0)
			continue;
		clear(orders, host, node, "online");
		log_warn("vCPU %u of %s stays online; '-stubdom vcpus=%u' gives it fewer",
			 i, plan->name, i ? i : 1);
	}
}

void domain_orders_answer(const struct domain_orders *orders, struct domain_host *host,
			  const struct plan *plan)
{
	cleanup_free char *key = ordered(orders, host, "control/sysrq");

	answer_shutdown(orders, host, plan);
	answer_vcpus(orders, host, plan);
	if (!key || !key[0])
		return;
	clear(orders, host, "control/sysrq", "");
	log_info("%s was sent a SysRq key, which it does not take", plan->name);
}

void domain_orders_free(struct domain_orders *orders)
{
	char path[64];

	if (orders->console_lock < 0)
		return;
	snprintf(path, sizeof(path), CONSOLE_LOCK, orders->stub);
	unlink(path);
	close(orders->console_lock);
	orders->console_lock = -1;
}
