/* SPDX-License-Identifier: MIT */
/* The relay's part in a replacement: clients wait, and go on with another stub domain. */
#include "relay/switch.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "plan/handover.h"

void relay_hold(struct relay_state *state, const struct relay_msg *msg)
{
	state->holds = msg->code != 0;
	state->not_held = msg->channel;
	/* The state of a replacement is for QEMU as it is, and for no file. */
	state->shared.machine = msg->code != 0 ? NULL : state->plan->machine;
	for (uint32_t i = 0; i < state->plan->n_channels; i++)
		relay_channel_hold(&state->channels[i],
				   state->holds && i != state->not_held);
}

int relay_check_held(struct relay_state *state)
{
	struct relay_msg msg = {.type = RELAY_HELD};

	if (!state->holds)
		return 0;
	for (uint32_t i = 0; i < state->plan->n_channels; i++) {
		if (i != state->not_held && !relay_channel_is_still(&state->channels[i]))
			return 0;
	}
	state->holds = false;
	return relay_msg_send(state->control, &msg, NULL, 0);
}

/* The earlier one's stays if there is none: then it serves as well as it can. */
static void take_schema(struct relay_state *state, int fd)
{
	cleanup_json json_t *json = fd >= 0 ? plan_take_over_schema(fd) : NULL;
	struct qmp_schema schema;
	struct err err;

	err_set(&err, ERR_HOST, "it cannot be read");
	if (!json || qmp_schema_load(json, &schema, &err) < 0) {
		log_error("the new QEMU's schema: %s", err.msg);
		return;
	}
	qmp_schema_free(&state->schema);
	state->schema = schema;
}

void relay_switch(struct relay_state *state, int schema)
{
	for (size_t i = 0; i < state->plan->n_channels; i++)
		relay_channel_switch(&state->channels[i], clock_ms());
	take_schema(state, schema);
}

void relay_left(struct relay_state *state)
{
	for (size_t i = 0; i < state->plan->n_channels; i++)
		relay_channel_left(&state->channels[i], clock_ms());
}
