/* SPDX-License-Identifier: MIT */
/* Names and rings of channel kinds, the check of channel names (include/abi/channel.h). */
#include "channel_kind.h"

#include <string.h>

static const char *const kind_names[] = {
#define X(id, name, from_dom0, to_dom0) [STUBDOM_CHANNEL_##id] = name,
	STUBDOM_CHANNEL_KINDS(X)
#undef X
};

static const struct channel_rings kind_rings[] = {
#define X(id, name, from_dom0, to_dom0) [STUBDOM_CHANNEL_##id] = {from_dom0, to_dom0},
	STUBDOM_CHANNEL_KINDS(X)
#undef X
};

#define N_KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

const char *channel_kind_name(enum stubdom_channel_kind kind)
{
	return (size_t)kind < N_KINDS ? kind_names[kind] : "?";
}

struct channel_rings channel_kind_rings(enum stubdom_channel_kind kind)
{
	return (size_t)kind < N_KINDS ? kind_rings[kind] : (struct channel_rings){0, 0};
}

int channel_kind_parse(const char *name, enum stubdom_channel_kind *kind)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(name, kind_names[i]) == 0) {
			*kind = (enum stubdom_channel_kind)i;
			return 0;
		}
	}
	return -1;
}

bool channel_name_valid(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(name);

	return len > 0 && len <= STUBDOM_CHANNEL_NAME_MAX && strspn(name, allowed) == len;
}
