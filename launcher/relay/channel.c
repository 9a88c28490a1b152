/* SPDX-License-Identifier: MIT */
/* One channel in the relay: a vchan on one side, an endpoint on the other. */
#include "relay/channel.h"

#include <string.h>
#include <unistd.h>

#include "log.h"

enum { RECONNECT_MS = 1000 }; /* after a connection that did not last as long */

/* Whether the stub domain has somebody to speak to. */
static bool is_wanted(const struct relay_channel *channel)
{
	return channel->kind->stays || channel->kind->has_reader(channel);
}

int relay_channel_open(struct relay_channel *channel, const struct plan_channel *plan,
		       const struct qmp_names *names, struct qmp_shared *shared,
		       struct err *err)
{
	memset(channel, 0, sizeof(*channel));
	channel->plan = plan;
	channel->kind = relay_kind_find(plan->kind);
	channel->names = names;
	channel->shared = shared;
	channel->rate = rate_full(channel->kind->stub_per_s, channel->kind->stub_burst);
	channel->kind->init(channel);
	if (endpoint_open(&channel->end, &plan->endpoint, err) < 0)
		return err_prefix(err, "channel %s", plan->name);
	return 0;
}

void relay_channel_drop_stream(struct relay_channel *channel, int64_t now_ms)
{
	if (!channel->open)
		return;
	vchan_stream_close(&channel->stream);
	channel->open = channel->old = false;
	channel->held_back = false;
	buffer_free(&channel->to_stub);
	if (now_ms - channel->opened_ms < RECONNECT_MS && channel->kind->stays)
		channel->not_before_ms = now_ms + RECONNECT_MS;
}

void relay_channel_send_away(struct relay_channel *channel)
{
	if (channel->kind->farewell)
		channel->kind->farewell(channel);
	channel->closing = true;
}

void relay_channel_drop_client(struct relay_channel *channel, int64_t now_ms)
{
	endpoint_disconnect(&channel->end);
	channel->dial_at_ms =
		now_ms + channel->plan->endpoint.reconnect_s * INT64_C(1000);
	channel->closing = false;
	if (channel->kind->stays) {
		buffer_free(&channel->to_stub);
		return;
	}
	relay_channel_drop_stream(channel, now_ms);
	channel->kind->forget(channel);
}

void relay_channel_attach(struct relay_channel *channel, const struct vchan_offer *offer,
			  int64_t now_ms)
{
	struct vchan_offer unused = *offer;
	struct err err;

	channel->asked = false;
	if (channel->open || !is_wanted(channel)) {
		vchan_offer_close(&unused);
		return;
	}
	if (vchan_stream_attach(&channel->stream, offer, &err) < 0) {
		log_warn("channel %s: %s", channel->plan->name, err.msg);
		channel->not_before_ms = now_ms + RECONNECT_MS;
		return;
	}
	channel->open = true;
	channel->busy = true;
	channel->opened_ms = now_ms;
}

bool relay_channel_wants(const struct relay_channel *channel, int64_t now_ms)
{
	return !channel->open && !channel->asked && !channel->closing && !channel->over &&
	       now_ms >= channel->not_before_ms && is_wanted(channel);
}

bool relay_channel_dials(const struct relay_channel *channel)
{
	return channel->plan->endpoint.reconnect_s > 0 && channel->end.in_fd < 0 &&
	       (channel->plan->endpoint.type == PLAN_ENDPOINT_UNIX_CONNECT ||
		channel->plan->endpoint.type == PLAN_ENDPOINT_TCP_CONNECT);
}

bool relay_channel_wants_dial(const struct relay_channel *channel, int64_t now_ms)
{
	return relay_channel_dials(channel) && !channel->dialling &&
	       now_ms >= channel->dial_at_ms;
}

void relay_channel_dialled(struct relay_channel *channel, int fd, int64_t now_ms)
{
	bool wanted = channel->dialling && relay_channel_dials(channel);

	channel->dialling = false;
	channel->dial_at_ms =
		now_ms + channel->plan->endpoint.reconnect_s * INT64_C(1000);
	if (wanted && fd >= 0) {
		endpoint_take(&channel->end, fd);
		channel->busy = true;
	} else if (fd >= 0) {
		close(fd);
	}
}

void relay_channel_end_save(struct relay_channel *channel, int64_t now_ms)
{
	relay_save_stop(&channel->save);
	relay_channel_drop_stream(channel, now_ms);
}

/* 0: it goes on with another stub domain; 1: as soon as this one has said enough. */
static int switch_client(struct relay_channel *channel)
{
	struct err err;
	int rc;

	if (!endpoint_connected(&channel->end) || channel->closing)
		return 0;
	rc = channel->kind->switches ? channel->kind->switches(channel, &err) : -1;
	if (rc < 0 && channel->kind->switches)
		log_info("channel %s: %s", channel->plan->name, err.msg);
	if (rc < 0)
		relay_channel_send_away(channel);
	return rc;
}

void relay_channel_switch(struct relay_channel *channel, int64_t now_ms)
{
	channel->old = channel->open;
	if (channel->kind->stays)
		return;
	if (channel->open)
		/* An answer that is there already; a screen may say more, QEMU else not. */
		relay_channel_step(channel, now_ms);
	channel->busy = true;
	if (switch_client(channel) <= 0)
		relay_channel_drop_stream(channel, now_ms);
}

void relay_channel_left(struct relay_channel *channel, int64_t now_ms)
{
	if (!channel->old)
		return;
	relay_channel_step(channel, now_ms);
	/* The step has closed it by itself, if the stub domain did, or had said enough. */
	if (channel->old) {
		relay_channel_drop_stream(channel, now_ms);
		if (!channel->kind->stays)
			relay_channel_send_away(channel);
	}
	channel->not_before_ms = 0;
	channel->busy = true;
}

void relay_channel_hold(struct relay_channel *channel, bool holds)
{
	if (!channel->kind->can_wait)
		return;
	channel->held_up = channel->qmp.held_up = holds;
	channel->busy = true;
}

bool relay_channel_is_still(const struct relay_channel *channel)
{
	/* A client that does not read its last answers is waited for, and QEMU is not. */
	if (!channel->kind->commands || (channel->closing && !channel->open))
		return true;
	return channel->incoming->len == 0 && qmp_filter_is_still(&channel->qmp);
}

void relay_channel_restore(struct relay_channel *channel, int fd, int64_t now_ms)
{
	relay_channel_drop_stream(channel, now_ms);
	endpoint_disconnect(&channel->end);
	channel->kind->forget(channel);
	channel->ended = channel->over = channel->closing = channel->asked = false;
	channel->not_before_ms = 0;
	endpoint_take(&channel->end, fd);
}

bool relay_channel_pending(const struct relay_channel *channel)
{
	return channel->outgoing->len > 0 && endpoint_connected(&channel->end);
}

void relay_channel_close(struct relay_channel *channel)
{
	if (channel->open)
		vchan_stream_close(&channel->stream);
	channel->open = false;
	channel->kind->forget(channel);
	endpoint_close(&channel->end);
}
