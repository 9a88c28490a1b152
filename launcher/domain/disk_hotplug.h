/* SPDX-License-Identifier: MIT */
/* Disks that the stub domain gets and loses while it runs. */
#ifndef STUBDOM_DOMAIN_HOTPLUG_H
#define STUBDOM_DOMAIN_HOTPLUG_H

#include <stdint.h>

#include "domain/config.h"
#include "domain/disks.h"
#include "domain/host.h"
#include "plan/plan.h"

/*
 * The relay asks for these (relay/msg.h), and the stub domain may have taken it over.  So
 * it can have two things.  One is a disk made from a descriptor that it already holds, no
 * more writable than the descriptor is, DISKS_ADDED_MAX of them.  The other is the end of
 * a medium or of a disk that was added this way.
 */
struct domain_hotplug {
	struct domain_host *host;
	const struct plan *plan;
	struct domain_disks *disks;
	uint32_t stub;
	struct domain_config config;
	unsigned changes; /* so often a medium or an added disk came or went */
};

/* Blocks until the stub domain has connected to it, 20 s at most. */
int domain_hotplug_attach(struct domain_hotplug *hotplug, int fd, char dev[XVD_NAME_SIZE],
			  struct err *err);

/* Blocks until it is gone; a stub domain that keeps it loses it after 10 s. */
int domain_hotplug_detach(struct domain_hotplug *hotplug, const char *dev,
			  struct err *err);

/*
 * A disk that the toolstack gives the guest while it runs: a file or block device,
 * checked and made ready as those of the plan.  dev: its name in the stub domain.
 */
int domain_hotplug_add(struct domain_hotplug *hotplug, const char *target,
		       const char *format, bool readonly, char dev[XVD_NAME_SIZE],
		       struct err *err);

/* The end of such a disk: its file is free afterwards. */
void domain_hotplug_drop(struct domain_hotplug *hotplug, const char *dev);

/*
 * Makes a writable disk longer (disk_grow.h), in dom0 and in the stub domain.  The relay
 * may ask for any disk at any time.
 */
int domain_hotplug_grow(struct domain_hotplug *hotplug, const char *dev,
			unsigned long long size, struct err *err);

#endif
