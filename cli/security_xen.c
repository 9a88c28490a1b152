/* SPDX-License-Identifier: MIT */
/* The stub domain's rights in Xen and xenstore. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "dominfo.h"
#include "security.h"

enum { PATH_MAX_XS = 512 };

static char *read_node(const struct security_subject *subject, const char *path)
{
	unsigned len;

	return xs_read(subject->xs, XBT_NULL, path, &len);
}

/* Xen tells PV from the rest; only libxl's node tells PVH from HVM. */
void security_type(const struct security_subject *subject, struct security_result *result)
{
	struct dominfo_reader *reader;
	cleanup_free char *type = NULL;
	struct dominfo info;
	struct err err = {0};
	char path[PATH_MAX_XS];
	int rc = -1;

	reader = dominfo_open(&err);
	if (reader)
		rc = dominfo_read(reader, subject->guest->stub_domid, &info, &err);
	dominfo_close(reader);
	snprintf(path, sizeof(path), "/libxl/%u/type", subject->guest->stub_domid);
	type = read_node(subject, path);
	if (rc < 0)
		security_say(result, SECURITY_UNKNOWN, "%s", err.msg);
	else if (info.pv)
		security_say(result, SECURITY_NOT_HELD,
			     "PV: Xen's advisories on PV page tables matter to it");
	else if (type && strcmp(type, "pvh") == 0)
		security_say(result, SECURITY_HELD,
			     "PVH: Xen's PV page tables are out of its reach");
	else
		security_say(result, SECURITY_NOT_HELD, "%.40s, and not PVH",
			     type ? type : "of a type that libxl does not tell");
}

/* Xen has no call that tells a domain's target: the node stands for it. */
void security_target(const struct security_subject *subject,
		     struct security_result *result)
{
	cleanup_free char *target = NULL;
	char path[PATH_MAX_XS];

	snprintf(path, sizeof(path), "/local/domain/%u/target",
		 subject->guest->stub_domid);
	target = read_node(subject, path);
	if (target && strtoul(target, NULL, 10) == subject->guest->domid)
		security_say(result, SECURITY_HELD,
			     "domain %u and no other, by xenstore (Xen can be told once, "
			     "and does not tell)",
			     subject->guest->domid);
	else
		security_say(result, SECURITY_NOT_HELD, "%s is '%.40s', not %u", path,
			     target ? target : "", subject->guest->domid);
}

void security_kernel(const struct security_subject *subject,
		     struct security_result *result)
{
	const char *kernel = subject->guest->kernel;

	if (!kernel)
		security_say(result, SECURITY_UNKNOWN, "its launcher does not say which");
	else if (strcmp(kernel, "nub") == 0)
		security_say(result, SECURITY_HELD,
			     "nub: QEMU makes the hypercalls of a list, and no others");
	else
		security_say(result, SECURITY_NOT_HELD,
			     "%s: a QEMU that was taken over makes every hypercall that "
			     "Xen lets a domain make (kernel=nub has a list)",
			     kernel);
}

/* A passed-through device would open more of Xen. */
void security_devices(const struct security_subject *subject,
		      struct security_result *result)
{
	char path[PATH_MAX_XS];
	unsigned n = 0;
	char **list;

	snprintf(path, sizeof(path), "/local/domain/%u/device/pci",
		 subject->guest->stub_domid);
	list = xs_directory(subject->xs, XBT_NULL, path, &n);
	free(list);
	if (n)
		security_say(result, SECURITY_NOT_HELD, "%u PCI devices are its own", n);
	else
		security_say(result, SECURITY_HELD, "no PCI device is passed to it");
}

/*
 * The stub domain's rights on a node.  Its owner may do all.  For others the entry of
 * their own counts, or the first one, which is for everybody.  It also has its guest's
 * rights (XS_SET_TARGET).
 */
static int power_of(const struct xs_permissions *perms, unsigned n, unsigned domid)
{
	if (n == 0)
		return XS_PERM_NONE;
	if (perms[0].id == domid)
		return XS_PERM_READ | XS_PERM_WRITE;
	for (unsigned i = 1; i < n; i++)
		if (perms[i].id == domid)
			return (int)perms[i].perms;
	return (int)perms[0].perms;
}

/* Both together; XS_PERM_NONE also for a node that is not there. */
static int power(const struct security_subject *subject, const char *path)
{
	unsigned n = 0;
	struct xs_permissions *perms =
		xs_get_permissions(subject->xs, XBT_NULL, path, &n);
	int all = 0;

	if (perms)
		all = power_of(perms, n, subject->guest->stub_domid) |
		      power_of(perms, n, subject->guest->domid);
	free(perms);
	return all & (XS_PERM_READ | XS_PERM_WRITE);
}

/* Nodes that dom0 believes: the stub domain must not be able to change them. */
void security_store_own(const struct security_subject *subject,
			struct security_result *result)
{
	static const char *const names[] = {"",	      "/name",	  "/target",
					    "/domid", "/vm",	  "/memory",
					    "/cpu",   "/console", "/stubdom"};
	char path[PATH_MAX_XS];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/local/domain/%u%s",
			 subject->guest->stub_domid, names[i]);
		if (power(subject, path) & XS_PERM_WRITE) {
			security_say(result, SECURITY_NOT_HELD, "it can write %s", path);
			return;
		}
	}
	security_say(result, SECURITY_HELD,
		     "it cannot change its name, target, memory or console");
}

/* The first node at or below `path` that it can write; NULL: none, of the first ones. */
static char *find_writable(const struct security_subject *subject, const char *path,
			   int depth)
{
	unsigned n = 0;
	char **list;
	char *found = NULL;

	if (power(subject, path) & XS_PERM_WRITE)
		return strdup(path);
	list = depth > 0 ? xs_directory(subject->xs, XBT_NULL, path, &n) : NULL;
	for (unsigned i = 0; !found && list && i < n && i < 256; i++) {
		char below[PATH_MAX_XS];

		snprintf(below, sizeof(below), "%s/%.200s", path, list[i]);
		found = find_writable(subject, below, depth - 1);
	}
	free(list);
	return found;
}

/* dom0's record of it, and the nodes where libxl waits for QEMU. */
void security_store_facts(const struct security_subject *subject,
			  struct security_result *result)
{
	static const char *const places[] = {
		STUBDOM_XS_FACTS, "/local/domain/0/device-model",
		"/local/domain/0/backend/vbd", "/local/domain/0/backend/vif", "/libxl"};
	const unsigned ids[] = {subject->guest->domid, subject->guest->domid,
				subject->guest->stub_domid, subject->guest->stub_domid,
				subject->guest->stub_domid};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		cleanup_free char *found = NULL;
		char path[PATH_MAX_XS];

		snprintf(path, sizeof(path), "%s/%u", places[i], ids[i]);
		found = find_writable(subject, path, 4);
		if (found) {
			security_say(result, SECURITY_NOT_HELD, "it can write %s", found);
			return;
		}
	}
	security_say(result, SECURITY_HELD,
		     "it cannot write dom0's facts, back ends and QEMU's state");
}

void security_store_others(const struct security_subject *subject,
			   struct security_result *result)
{
	unsigned n = 0, looked = 0;
	cleanup_free char **list =
		xs_directory(subject->xs, XBT_NULL, "/local/domain", &n);

	for (unsigned i = 0; list && i < n; i++) {
		unsigned long domid = strtoul(list[i], NULL, 10);
		char path[PATH_MAX_XS];

		if (domid == subject->guest->domid || domid == subject->guest->stub_domid)
			continue;
		snprintf(path, sizeof(path), "/local/domain/%lu%s", domid,
			 domid ? "" : "/libxl");
		looked++;
		if (power(subject, path)) {
			security_say(result, SECURITY_NOT_HELD, "it can read or write %s",
				     path);
			return;
		}
	}
	security_say(result, SECURITY_HELD, "%u other domains' nodes are shut to it",
		     looked);
}
