/* SPDX-License-Identifier: MIT */
/* Names and rings of channel kinds, the check of channel names (include/abi/channel.h). */
#ifndef STUBDOM_CHANNEL_KIND_H
#define STUBDOM_CHANNEL_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/channel.h"

/* The contract's name of a kind; "?" for a value that is none. */
const char *channel_kind_name(enum stubdom_channel_kind kind);

/* Bytes of the rings that a server of this kind offers, and dom0 takes at the most. */
struct channel_rings {
	size_t from_dom0, to_dom0;
};

struct channel_rings channel_kind_rings(enum stubdom_channel_kind kind);

/* Looks a name up; returns 0, or -1 if it is none. */
int channel_kind_parse(const char *name, enum stubdom_channel_kind *kind);

/* Whether a channel name is one that the contract allows. */
bool channel_name_valid(const char *name);

#endif
