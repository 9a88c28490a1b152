/* SPDX-License-Identifier: MIT */
/* The kernel's network interfaces: state, place, counters. */
#ifndef AGENT_IFINFO_H
#define AGENT_IFINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct ifinfo_count {
	uint64_t bytes, packets, dropped;
};

struct ifinfo {
	char name[16];
	int index;
	bool up, link;
	unsigned mtu;
	char master[16]; /* the bridge that it is a port of, or "" */
	struct ifinfo_count rx, tx;
};

enum { IFINFO_MAX = 256 };

/*
 * The interfaces that topologies know (tapN, bridgeN, xenifN), in the order in which they
 * were made.  `sock` is a socket for network ioctls.  Returns their number, at most
 * IFINFO_MAX; -1: an error.
 */
int ifinfo_read(int sock, struct ifinfo *list, struct err *err);

/* Fills in the counters from the text of /proc/net/dev. */
void ifinfo_counters(const char *text, struct ifinfo *list, size_t n);

#endif
