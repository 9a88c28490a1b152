/* SPDX-License-Identifier: MIT */
/* Guests and stub domains in the OpenMetrics text format, version 1.0. */
#ifndef STUBDOM_METRICS_H
#define STUBDOM_METRICS_H

#include <stdio.h>

#include "crash_dir.h"
#include "dominfo.h"
#include "guest.h"

/* All of it that the metrics are made of; borrowed. */
struct metrics {
	const struct guest_list *list;
	struct dominfo_reader *reader;
	const struct crash_dir *crashes;
	const char *image;	 /* the folder that the next start takes */
	const char *network_dir; /* "/sys/class/net", */
	const char *disks_dir;	 /* "/sys/bus/xen-backend/devices": others in tests */
};

/* The whole text, to its "# EOF".  A value that is not known is left out. */
void metrics_print(const struct metrics *metrics, FILE *out);

#endif
