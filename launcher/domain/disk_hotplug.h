/* SPDX-License-Identifier: MIT */
/* Disks that the stub domain gets and loses while it runs. */
#ifndef STUBDOM_DOMAIN_HOTPLUG_H
#define STUBDOM_DOMAIN_HOTPLUG_H

#include <stdint.h>

#include "domain/host.h"
#include "domain/loop.h"
#include "plan/plan.h"

/*
 * The relay asks for these (relay_msg.h), and it may have been taken over by the
 * stub domain.  So what it can have is: a disk made from a descriptor that it
 * already holds, no more writable than the descriptor is, HOTPLUG_MAX of them;
 * and the end of a medium or of a disk that was added this way.
 */
enum { HOTPLUG_MAX = 32 };

struct hotplug_disk {
	char dev[16];		 /* "xvdd"; "": a free entry */
	struct domain_disk loop; /* fd -1 for one of the plan: `plan_disk` has it */
	struct domain_disk *plan_disk;
};

struct domain_hotplug {
	struct domain_host *host;
	const struct plan *plan;
	uint32_t stub;
	struct hotplug_disk *list;
	size_t n;
};

/* `disks` are the plan's, as the stub domain was started with. */
int domain_hotplug_init(struct domain_hotplug *hotplug, struct domain_host *host,
			const struct plan *plan, struct domain_disk *disks,
			struct err *err);

/* Blocks until the stub domain has connected to it, 20 s at most. dev: 16 bytes. */
int domain_hotplug_attach(struct domain_hotplug *hotplug, int fd, char *dev,
			  struct err *err);

/* Blocks until it is gone; a stub domain that keeps it loses it after 10 s. */
int domain_hotplug_detach(struct domain_hotplug *hotplug, const char *dev,
			  struct err *err);

/* After the stub domain's end. */
void domain_hotplug_free(struct domain_hotplug *hotplug);

#endif
