/* SPDX-License-Identifier: MIT */
/* Moves a channel's bytes: the events to wait for, and a step at each. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "relay/channel.h"

enum {
	CLIENT_CHUNK = 2048, /* holds fewer QMP commands than QMP_PENDING_MAX / 2 */
	STEP_ROUNDS = 16,    /* chunks a step moves before others have their turn */
	RATE_PAUSE_MS = 50,  /* when the stub domain said more than its rate */
	PTY_LOOK_MS = 500,   /* as often as we look whether a pty was opened */
};

static bool room_for_client(const struct relay_channel *channel)
{
	return !channel->closing && !channel->held_up && channel->kind->has_room(channel);
}

unsigned relay_channel_poll(struct relay_channel *channel, struct pollfd *fds)
{
	struct endpoint *end = &channel->end;
	short in = room_for_client(channel) ? POLLIN : 0;
	short out = channel->outgoing->len && !end->is_file ? POLLOUT : 0;
	unsigned n = 0;

	if (channel->open)
		fds[n++] = (struct pollfd){.fd = vchan_stream_fd(&channel->stream),
					   .events = POLLIN};
	if (!endpoint_connected(end)) {
		int waits_fd = end->is_pty ? end->opened_fd : end->listen_fd;

		if (end->connecting)
			fds[n++] = (struct pollfd){.fd = end->in_fd, .events = POLLOUT};
		else if (waits_fd >= 0)
			fds[n++] = (struct pollfd){.fd = waits_fd, .events = POLLIN};
		return n;
	}
	/* A job must not be disturbed by the end of its client. */
	if (channel->qmp.job.state != QMP_JOB_NONE && !out)
		return n;
	if (end->in_fd >= 0 && end->in_fd == end->out_fd) {
		/*
		 * Without events its end would be reported again and again.  The
		 * stub domain is behind then, and an end is seen when it goes on.
		 */
		if (in | out)
			fds[n++] = (struct pollfd){.fd = end->in_fd,
						   .events = (short)(in | out)};
		return n;
	}
	if (end->in_fd >= 0 && in)
		fds[n++] = (struct pollfd){.fd = end->in_fd, .events = in};
	if (end->out_fd >= 0 && out)
		fds[n++] = (struct pollfd){.fd = end->out_fd, .events = out};
	return n;
}

/* A job's next step is due. */
static bool can_go_on(const struct relay_channel *channel)
{
	return !channel->closing && qmp_filter_can_go_on(&channel->qmp);
}

/* The time when the client has to be gone; 0: nobody has. */
static int64_t client_until(const struct relay_channel *channel)
{
	return channel->kind->until_ms && endpoint_connected(&channel->end)
		       ? channel->kind->until_ms(channel)
		       : 0;
}

int relay_channel_timeout(const struct relay_channel *channel, int64_t now_ms)
{
	int64_t left;

	/* Another channel's job may have made this one wanted after its turn. */
	if (channel->busy || can_go_on(channel) || relay_channel_wants(channel, now_ms))
		return 0;
	if (channel->held_back)
		return RATE_PAUSE_MS;
	if (channel->qmp.job.need == QMP_NEED_TIME)
		return channel->again_ms > now_ms ? (int)(channel->again_ms - now_ms) : 0;
	if (channel->end.is_pty && !channel->end.attached && channel->end.opened_fd < 0)
		return PTY_LOOK_MS;
	if (client_until(channel))
		return client_until(channel) > now_ms
			       ? (int)(client_until(channel) - now_ms)
			       : 0;
	left = channel->not_before_ms - now_ms;
	if (relay_channel_dials(channel) && !channel->dialling) {
		int64_t dial = channel->dial_at_ms - now_ms;

		if (dial <= 0)
			return 0;
		left = left > 0 && left < dial ? left : dial;
	}
	return left > 0 ? (int)left : -1;
}

/* Takes bytes of the client; false: nothing more now. */
static bool read_client(struct relay_channel *channel, int64_t now_ms)
{
	char chunk[CLIENT_CHUNK];
	struct err err;
	ssize_t n;

	if (channel->end.in_fd < 0 || !endpoint_connected(&channel->end) ||
	    !room_for_client(channel))
		return false;
	n = channel->kind->read_client(channel, chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		if (!channel->kind->end_client(channel))
			relay_channel_drop_client(channel, now_ms);
		return false;
	}
	if (channel->plan->endpoint.telnet)
		n = (ssize_t)telnet_filter(&channel->telnet, chunk, (size_t)n);
	if (channel->kind->take_client(channel, chunk, (size_t)n, &err) < 0) {
		log_info("channel %s: %s", channel->plan->name, err.msg);
		relay_channel_send_away(channel);
		return false;
	}
	return true;
}

/* Delivers to the client; false: nothing more now. */
static bool write_client(struct relay_channel *channel, int64_t now_ms)
{
	struct buffer *out = channel->outgoing;
	ssize_t n;

	if (channel->end.discards)
		buffer_consume(out, out->len);
	if (out->len == 0 || !endpoint_connected(&channel->end))
		return false;
	n = write(channel->end.out_fd, buffer_bytes(out), out->len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		if (channel->end.is_file) {
			if (!channel->end.failing)
				log_warn(
					"channel %s: %s: %s; output is lost until it can be written",
					channel->plan->name, channel->end.plan->path,
					strerror(errno));
			channel->end.failing = true;
			/* A full disk must not hold the guest. */
			buffer_consume(out, out->len);
			return false;
		}
		relay_channel_drop_client(channel, now_ms);
		return false;
	}
	channel->end.failing = false;
	buffer_consume(out, (size_t)n);
	return true;
}

bool relay_channel_tick(struct relay_channel *channel, int64_t now_ms)
{
	bool was = channel->end.attached;

	if (channel->end.is_pty && !was)
		endpoint_update(&channel->end);
	if (client_until(channel) && now_ms >= client_until(channel)) {
		relay_channel_send_away(channel);
		/* Once: it may not read. */
		write_client(channel, now_ms);
		relay_channel_drop_client(channel, now_ms);
	}
	return channel->busy || channel->end.attached != was ||
	       relay_channel_wants(channel, now_ms) || can_go_on(channel) ||
	       channel->held_back;
}

/* The stub domain's end of the connection is gone or cannot be trusted. */
static void lose_stream(struct relay_channel *channel, int64_t now_ms)
{
	relay_channel_drop_stream(channel, now_ms);
	if (channel->kind->lost)
		channel->kind->lost(channel);
}

/* Takes bytes of the stub domain; false: nothing more now. */
static bool read_stub(struct relay_channel *channel, int64_t now_ms)
{
	const struct relay_kind *kind = channel->kind;
	bool listens = endpoint_connected(&channel->end);
	/* A serial port's ring at once: each read may wake the stub domain. */
	char chunk[RELAY_HELD_MAX];
	struct err err;
	ssize_t n;
	int rc;

	channel->held_back = false;
	/* With nobody listening the latest bytes are kept, so QEMU is not held up. */
	if (!channel->open || (listens && channel->outgoing->len >= RELAY_HELD_MAX))
		return false;
	/* Of a flood no more is taken than this; the rest waits in the ring. */
	channel->held_back = kind->stub_per_s && rate_left(&channel->rate, now_ms) == 0;
	if (channel->held_back)
		return false;
	n = vchan_stream_read(&channel->stream, chunk, kind->stub_chunk);
	if (n > 0)
		rate_spend(&channel->rate, n);
	if (n < 0)
		lose_stream(channel, now_ms);
	if (n <= 0)
		return false;
	rc = kind->take_stub(channel, chunk, (size_t)n, &err);
	if (rc < 0) {
		log_warn("channel %s: %s; connection closed", channel->plan->name,
			 err.msg);
		lose_stream(channel, now_ms);
		return false;
	}
	if (rc > 0)
		relay_channel_drop_stream(channel, now_ms);
	return true;
}

static bool write_stub(struct relay_channel *channel, int64_t now_ms)
{
	struct buffer *in = channel->incoming;
	ssize_t n;

	if (!channel->open || in->len == 0)
		return false;
	n = vchan_stream_write(&channel->stream, buffer_bytes(in), in->len);
	if (n < 0)
		lose_stream(channel, now_ms);
	if (n <= 0)
		return false;
	buffer_consume(in, (size_t)n);
	return true;
}

/* Before anything else; bytes that the last client did not read stay behind it. */
static void greet(struct relay_channel *channel, int64_t now_ms)
{
	if (channel->kind->greet)
		channel->kind->greet(channel, now_ms);
	channel->telnet = (struct telnet){0};
	if (channel->plan->endpoint.telnet &&
	    write(channel->end.out_fd, telnet_greeting, sizeof(telnet_greeting)) < 0)
		log_debug("channel %s: %s", channel->plan->name, strerror(errno));
}

void relay_channel_step(struct relay_channel *channel, int64_t now_ms)
{
	bool was = endpoint_connected(&channel->end);
	bool busy = true;
	struct err err;

	endpoint_update(&channel->end);
	endpoint_accept(&channel->end);
	if (!was && endpoint_connected(&channel->end))
		greet(channel, now_ms);
	if (channel->open)
		vchan_stream_ack(&channel->stream);
	/* Before the loop, which sends the outcome. */
	if (can_go_on(channel) && qmp_filter_go_on(&channel->qmp, &err) < 0) {
		log_info("channel %s: %s", channel->plan->name, err.msg);
		relay_channel_send_away(channel);
	}
	for (unsigned i = 0; busy && i < STEP_ROUNDS; i++) {
		busy = read_client(channel, now_ms);
		busy |= write_stub(channel, now_ms);
		busy |= read_stub(channel, now_ms);
		busy |= write_client(channel, now_ms);
	}
	if (channel->ended && channel->incoming->len == 0 && channel->open) {
		relay_channel_drop_stream(channel, now_ms);
		channel->over = true;
	}
	if (channel->closing && channel->outgoing->len == 0)
		relay_channel_drop_client(channel, now_ms);
	channel->busy = busy;
}
