/* SPDX-License-Identifier: MIT */
/* Names of channel kinds and the check of channel names (include/abi/channel.h). */
#ifndef STUBDOM_CHANNEL_KIND_H
#define STUBDOM_CHANNEL_KIND_H

#include <stdbool.h>

#include "abi/channel.h"

/* The contract's name of a kind; "?" for a value that is none. */
const char *channel_kind_name(enum stubdom_channel_kind kind);

/* Looks a name up; returns 0, or -1 if it is none. */
int channel_kind_parse(const char *name, enum stubdom_channel_kind *kind);

/* Whether a channel name is one that the contract allows. */
bool channel_name_valid(const char *name);

#endif
