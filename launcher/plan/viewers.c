/* SPDX-License-Identifier: MIT */
/* Several viewers of one screen at once. */
#include "plan/viewers.h"

#include <stdbool.h>

#include "abi/channel.h"
#include "xalloc.h"

static bool listens(const struct plan_endpoint *end)
{
	return end->type == PLAN_ENDPOINT_TCP_LISTEN ||
	       end->type == PLAN_ENDPOINT_UNIX_LISTEN;
}

static void add_viewers(struct plan *plan, size_t first)
{
	for (int n = 2; n <= VIEWERS_MAX && plan->n_channels < STUBDOM_CHANNELS_MAX;
	     n++) {
		const struct plan_channel *screen;
		struct plan_channel *ch;

		plan->channels =
			xgrow(plan->channels, plan->n_channels, sizeof(*plan->channels));
		screen = &plan->channels[first];
		ch = &plan->channels[plan->n_channels++];
		*ch = (struct plan_channel){
			/* A chardev's id begins with a letter, so none has this name. */
			.name = xasprintf("%d-%s", n, screen->name),
			.kind = screen->kind,
			.stub_path = xstrdup(screen->stub_path),
			.password = screen->password,
			.websocket = screen->websocket,
			.endpoint = {.type = PLAN_ENDPOINT_SHARED,
				     .fd = -1,
				     .with = xstrdup(screen->name)},
		};
	}
}

void viewers_add_channels(struct plan *plan)
{
	size_t n = plan->n_channels;

	for (size_t i = 0; i < n; i++) {
		const struct plan_channel *ch = &plan->channels[i];

		if (ch->kind == STUBDOM_CHANNEL_VNC && listens(&ch->endpoint))
			add_viewers(plan, i);
	}
}
