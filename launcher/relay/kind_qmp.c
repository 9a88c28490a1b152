/* SPDX-License-Identifier: MIT */
/* QMP: each message is parsed, looked up and written anew. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "relay/channel.h"
#include "relay/kind.h"

enum {
	CHUNK = 4096,	    /* parsed at once */
	PER_S = 256 * 1024, /* bytes of the stub domain, and at once: */
	AT_ONCE = 2 * QMP_MESSAGE_MAX,
};

static void init_qmp(struct relay_channel *channel)
{
	channel->qmp.names = channel->names;
	channel->qmp.shared = channel->shared;
	channel->incoming = &channel->qmp.to_stub;
	channel->outgoing = &channel->qmp.to_client;
}

static bool has_room(const struct relay_channel *channel)
{
	return !qmp_filter_client_full(&channel->qmp);
}

/* With the descriptors that came beside the bytes. */
static ssize_t read_qmp(struct relay_channel *channel, char *chunk, size_t size)
{
	int fds[QMP_ARRIVED_MAX];
	size_t n_fds;
	ssize_t n;

	n = fds_receive(channel->end.in_fd, chunk, size, fds, QMP_ARRIVED_MAX, &n_fds);
	if (n < 0 && errno == ENOTSOCK)
		return read(channel->end.in_fd, chunk, size);
	for (size_t i = 0; i < n_fds; i++)
		qmp_arrived_put(&channel->qmp.arrived, fds[i]);
	return n;
}

static int take_client(struct relay_channel *channel, const char *data, size_t len,
		       struct err *err)
{
	return qmp_filter_client(&channel->qmp, data, len, err);
}

static int take_stub(struct relay_channel *channel, const char *data, size_t len,
		     struct err *err)
{
	channel->spoke = true;
	return qmp_filter_stub(&channel->qmp, data, len, err);
}

/*
 * Not a client that does not read what is there: then QEMU's words wait for it.  Without a
 * stream it waits for its greeting.  Before the first one QEMU is still starting.
 */
static bool waits(const struct relay_channel *channel)
{
	if (!endpoint_connected(&channel->end) || channel->closing)
		return false;
	if (!channel->open)
		return channel->opened_ms != 0;
	return channel->outgoing->len < RELAY_HELD_MAX && qmp_filter_waits(&channel->qmp);
}

static int switches(struct relay_channel *channel, struct err *err)
{
	return qmp_filter_switch(&channel->qmp, err);
}

/* A job's descriptors and its turn go, too. */
static void forget(struct relay_channel *channel)
{
	qmp_filter_free(&channel->qmp);
	memset(&channel->qmp, 0, sizeof(channel->qmp));
	init_qmp(channel);
}

const struct relay_kind relay_kind_qmp = {
	.commands = true,
	.can_wait = true,
	.has_fd_sets = true,
	.stub_chunk = CHUNK,
	.stub_per_s = PER_S,
	.stub_burst = AT_ONCE,
	.init = init_qmp,
	.has_reader = relay_kind_is_connected,
	.has_room = has_room,
	.read_client = read_qmp,
	.take_client = take_client,
	.end_client = relay_kind_end_client,
	.take_stub = take_stub,
	.lost = relay_channel_send_away,
	.waits = waits,
	.switches = switches,
	.forget = forget,
};
