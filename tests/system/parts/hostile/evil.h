/* SPDX-License-Identifier: MIT */
/* Attacks of a hostile stub domain on dom0 through one channel. */
#ifndef TESTS_HOSTILE_EVIL_H
#define TESTS_HOSTILE_EVIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel_kind.h"

struct libxenvchan;
struct liar;

struct evil {
	const char *name; /* of the channel: "evil-" and one of evil.c's table */
	char path[96];
	struct channel_rings rings;
	struct libxenvchan *vchan;
	/*
	 * Called while dom0 is connected.  0: wait for an event; 1: call again at
	 * once; -1: end this connection and offer the next one.
	 */
	int (*act)(struct evil *evil);
	uint64_t sent;
	bool eager;	  /* dom0 is connected from the start */
	bool waits;	  /* for a byte of dom0 */
	int64_t until_ms; /* the end of a flood that is under way; 0: none */
	char byte;	  /* that came then */
	struct liar *liar;
};

/* config.c: a burst at each lent PCI device; how many there are. */
int config_attack(void);

/* To be called when its server is in xenstore. */
void evil_offered(struct evil *evil);

/* NULL: no such attack. */
int (*evil_find(const char *channel))(struct evil *evil);

#endif
