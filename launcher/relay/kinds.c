/* SPDX-License-Identifier: MIT */
/* The kinds of channels whose bytes go through as they are. */
#include "relay/kind.h"

#include <string.h>
#include <unistd.h>

#include "relay/channel.h"

void relay_kind_init_bytes(struct relay_channel *channel)
{
	channel->incoming = &channel->to_stub;
	channel->outgoing = &channel->to_host;
}

bool relay_kind_is_connected(const struct relay_channel *channel)
{
	return endpoint_connected(&channel->end);
}

static bool is_saving(const struct relay_channel *channel)
{
	return channel->save.active && !channel->save.done;
}

static bool has_room(const struct relay_channel *channel)
{
	return channel->to_stub.len < RELAY_HELD_MAX;
}

ssize_t relay_kind_read_bytes(struct relay_channel *channel, char *chunk, size_t size)
{
	return read(channel->end.in_fd, chunk, size);
}

static int take_client(struct relay_channel *channel, const char *data, size_t len,
		       struct err *err)
{
	if (buffer_append(&channel->to_stub, data, len, 2 * RELAY_HELD_MAX) < 0)
		return err_set(err, ERR_HOST, "out of memory");
	return 0;
}

bool relay_kind_end_client(struct relay_channel *channel)
{
	return endpoint_end_input(&channel->end);
}

/* Not before there is one: QEMU takes the end of a connection for the end of its state. */
static bool has_state(const struct relay_channel *channel)
{
	return endpoint_connected(&channel->end) || channel->ended;
}

/* The toolstack's file is read; its rest is still to be delivered. */
static bool end_restore(struct relay_channel *channel)
{
	endpoint_disconnect(&channel->end);
	channel->ended = true;
	return true;
}

static int take_stub(struct relay_channel *channel, const char *data, size_t len,
		     struct err *err)
{
	buffer_append_recent(&channel->to_host, data, len, 2 * RELAY_HELD_MAX);
	return 0;
}

static int take_saved(struct relay_channel *channel, const char *data, size_t len,
		      struct err *err)
{
	relay_save_take(&channel->save, data, len);
	return channel->save.done;
}

static void lost_save(struct relay_channel *channel)
{
	relay_save_end(&channel->save);
}

/* The rest of a state is no state. */
static void lost_restore(struct relay_channel *channel)
{
	channel->over = true;
}

static void forget_bytes(struct relay_channel *channel)
{
	buffer_free(&channel->to_stub);
	buffer_free(&channel->to_host);
}

#define BYTES                                                                            \
	.stub_chunk = RELAY_HELD_MAX, .init = relay_kind_init_bytes,                     \
	.has_room = has_room, .read_client = relay_kind_read_bytes,                      \
	.take_client = take_client, .forget = forget_bytes

/* A serial or parallel port. */
static const struct relay_kind kind_port = {
	BYTES,
	.stays = true,
	.has_reader = relay_kind_is_connected,
	.end_client = relay_kind_end_client,
	.take_stub = take_stub,
};

static int type(struct relay_channel *channel, char key)
{
	return buffer_append(&channel->to_stub, &key, 1, 4 * RELAY_HELD_MAX);
}

/* To the line's end; all of it goes, and there is a new prompt; or it stays, shown anew. */
static int take_back(struct relay_channel *channel, size_t length, const char *refusal)
{
	static const char begin[] = "\r\n";
	const char to_end = 5, backspace = 127;
	bool stays = length == HMP_LINE_STAYS;
	int rc = type(channel, to_end);

	if (stays && rc == 0)
		rc = type(channel, HMP_LINE_PROBE);
	for (size_t i = 0; i < (stays ? 1 : length) && rc == 0; i++)
		rc = type(channel, backspace);
	if (!stays && rc == 0)
		rc = type(channel, '\r');
	buffer_append_recent(&channel->to_host, begin, sizeof(begin) - 1,
			     2 * RELAY_HELD_MAX);
	buffer_append_recent(&channel->to_host, refusal, strlen(refusal),
			     2 * RELAY_HELD_MAX);
	return rc;
}

static int take_hmp_client(struct relay_channel *channel, const char *data, size_t len,
			   struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < len && rc == 0; i++) {
		size_t length;
		const char *refusal = hmp_line_type(&channel->hmp, data[i], &length);

		rc = refusal ? take_back(channel, length, refusal)
			     : type(channel, data[i]);
	}
	return rc < 0 ? err_set(err, ERR_HOST, "out of memory") : 0;
}

static int take_hmp_stub(struct relay_channel *channel, const char *data, size_t len,
			 struct err *err)
{
	hmp_line_echo(&channel->hmp, data, len);
	return take_stub(channel, data, len, err);
}

static void forget_hmp(struct relay_channel *channel)
{
	memset(&channel->hmp, 0, sizeof(channel->hmp));
	forget_bytes(channel);
}

/* QEMU serves one client after the other; some lines get an answer here. */
static const struct relay_kind kind_hmp = {
	.commands = true,
	.can_wait = true,
	.stub_chunk = RELAY_HELD_MAX,
	.init = relay_kind_init_bytes,
	.has_room = has_room,
	.read_client = relay_kind_read_bytes,
	.take_client = take_hmp_client,
	.forget = forget_hmp,
	.has_reader = relay_kind_is_connected,
	.end_client = relay_kind_end_client,
	.take_stub = take_hmp_stub,
	.lost = relay_channel_send_away,
};

static const struct relay_kind kind_save = {
	BYTES,
	.is_bounded = true,
	.has_reader = is_saving,
	.end_client = relay_kind_end_client,
	.take_stub = take_saved,
	.lost = lost_save,
};

static const struct relay_kind kind_restore = {
	BYTES,
	.has_reader = has_state,
	.end_client = end_restore,
	.take_stub = take_stub,
	.lost = lost_restore,
};

const struct relay_kind *relay_kind_find(enum stubdom_channel_kind kind)
{
	static const struct relay_kind *const kinds[] = {
		[STUBDOM_CHANNEL_QMP] = &relay_kind_qmp,
		[STUBDOM_CHANNEL_HMP] = &kind_hmp,
		[STUBDOM_CHANNEL_SERIAL] = &kind_port,
		[STUBDOM_CHANNEL_PARALLEL] = &kind_port,
		[STUBDOM_CHANNEL_VNC] = &relay_kind_door,
		[STUBDOM_CHANNEL_SAVE] = &kind_save,
		[STUBDOM_CHANNEL_RESTORE] = &kind_restore,
	};

	return kinds[kind];
}
