/* SPDX-License-Identifier: MIT */
/* The relay's channels and their common part, opened with the privileges of the caller. */
#include "relay/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* dom0's names for QEMU's answers about character devices and VNC. */
static void name_endpoints(struct relay_state *state)
{
	const struct plan_channel *screen = NULL;

	for (size_t i = 0; i < state->plan->n_channels; i++) {
		const struct plan_channel *plan = &state->plan->channels[i];
		const struct endpoint *end = &state->channels[i].end;

		if (plan->label)
			state->chardevs[state->names.n_chardevs++] =
				(struct qmp_chardev){plan->label, end->name};
		/* The first is the screen; one of websockets is behind it. */
		if (plan->kind == STUBDOM_CHANNEL_VNC && !screen)
			screen = plan;
		if (plan == screen && plan->endpoint.type == PLAN_ENDPOINT_TCP_LISTEN) {
			const char *host = plan->endpoint.host;

			snprintf(state->vnc_service, sizeof(state->vnc_service), "%u",
				 end->port);
			state->names.vnc_host = host && host[0] ? host : "0.0.0.0";
			state->names.vnc_service = state->vnc_service;
		}
	}
	state->names.chardevs = state->chardevs;
}

static int share_listeners(struct relay_state *state, struct err *err)
{
	for (size_t i = 0; i < state->plan->n_channels; i++) {
		const char *with = state->plan->channels[i].endpoint.with;

		for (size_t j = 0; with && j < state->plan->n_channels; j++) {
			if (strcmp(state->plan->channels[j].name, with) == 0 &&
			    endpoint_share(&state->channels[i].end,
					   &state->channels[j].end, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* Things that QMP jobs work with. */
static void share(struct relay_state *state)
{
	const struct plan *plan = state->plan;

	state->shared.machine = plan->machine;
	for (size_t i = 0; i < plan->n_channels; i++) {
		if (plan->channels[i].password && !state->shared.vnc) {
			state->password = vnc_password_new();
			state->shared.vnc = &state->password;
			state->names.vnc_password = true;
		}
		if (plan->channels[i].kind != STUBDOM_CHANNEL_SAVE)
			continue;
		state->save = &state->channels[i];
		state->shared.save_path = plan->channels[i].stub_path;
	}
	/* Media; the guest's hard disks stay, whatever QEMU says it uses. */
	for (size_t i = 0; i < plan->n_disks; i++) {
		const struct plan_disk *disk = &plan->disks[i];

		state->disks[i] =
			(struct qmp_disk){disk->dev, disk->target ? disk->target : ""};
		if (disk->readonly && !disk->pv_only)
			qmp_shared_add_disk(&state->shared, disk->dev, "");
	}
	state->names.disks = state->disks;
	state->names.n_disks = plan->n_disks;
	state->names.media = &state->shared.media;
}

int relay_state_open(struct relay_state *state, struct err *err)
{
	const struct plan *plan = state->plan;

	state->channels = calloc(plan->n_channels + 1, sizeof(*state->channels));
	state->chardevs = calloc(plan->n_channels + 1, sizeof(*state->chardevs));
	state->fds =
		calloc(plan->n_channels * RELAY_CHANNEL_FDS + 2, sizeof(*state->fds));
	state->used = calloc(plan->n_channels + 1, sizeof(*state->used));
	state->ready = calloc(plan->n_channels + 1, sizeof(*state->ready));
	state->disks = calloc(plan->n_disks + 1, sizeof(*state->disks));
	if (!state->channels || !state->chardevs || !state->fds || !state->used ||
	    !state->ready || !state->disks ||
	    budget_init(&state->budget, plan->n_channels + 1, budget_cpu_us()) < 0)
		return err_set(err, ERR_HOST, "out of memory");
	for (size_t i = 0; i < plan->n_channels; i++) {
		if (relay_channel_open(&state->channels[i], &plan->channels[i],
				       &state->names, &state->shared, err) < 0)
			return -1;
	}
	if (share_listeners(state, err) < 0)
		return -1;
	name_endpoints(state);
	share(state);
	return 0;
}
