/* SPDX-License-Identifier: MIT */
/* A screen: QEMU is not connected to before a viewer is past the door. */
#include "relay/channel.h"
#include "relay/kind.h"

static void greet(struct relay_channel *channel, int64_t now_ms)
{
	const struct plan_channel *plan = channel->plan;

	vnc_door_open(&channel->door, plan->password ? channel->shared->vnc : NULL,
		      plan->websocket, now_ms, &channel->to_host);
	channel->door_until_ms = now_ms + VNC_DOOR_MS;
}

static int64_t until_ms(const struct relay_channel *channel)
{
	/* QEMU, or a replacement, is waited for as long as it takes. */
	return vnc_door_wants_qemu(&channel->door) || channel->held_up
		       ? 0
		       : channel->door_until_ms;
}

static bool has_reader(const struct relay_channel *channel)
{
	return endpoint_connected(&channel->end) && vnc_door_wants_qemu(&channel->door);
}

static bool has_room(const struct relay_channel *channel)
{
	return channel->to_stub.len < RELAY_HELD_MAX && vnc_door_reads(&channel->door);
}

static int take_client(struct relay_channel *channel, const char *data, size_t len,
		       struct err *err)
{
	return vnc_door_viewer(&channel->door, data, len, &channel->to_host,
			       &channel->to_stub, err);
}

static int take_stub(struct relay_channel *channel, const char *data, size_t len,
		     struct err *err)
{
	return vnc_door_qemu(&channel->door, data, len, &channel->to_host,
			     &channel->to_stub, err);
}

static int switches(struct relay_channel *channel, struct err *err)
{
	return vnc_door_switch(&channel->door, err);
}

static void farewell(struct relay_channel *channel)
{
	vnc_door_end(&channel->door, &channel->to_host);
}

static void forget(struct relay_channel *channel)
{
	buffer_free(&channel->to_stub);
	buffer_free(&channel->to_host);
	vnc_door_close(&channel->door);
}

const struct relay_kind relay_kind_door = {
	.can_wait = true,
	.stub_chunk = RELAY_HELD_MAX,
	.init = relay_kind_init_bytes,
	.greet = greet,
	.until_ms = until_ms,
	.has_reader = has_reader,
	.has_room = has_room,
	.read_client = relay_kind_read_bytes,
	.take_client = take_client,
	.farewell = farewell,
	.end_client = relay_kind_end_client,
	.take_stub = take_stub,
	.lost = relay_channel_send_away,
	.switches = switches,
	.forget = forget,
};
