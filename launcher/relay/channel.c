/* SPDX-License-Identifier: MIT */
/* One channel in the relay: a vchan on one side, an endpoint on the other. */
#include "relay/channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "log.h"

enum {
	CLIENT_CHUNK = 2048, /* holds fewer QMP commands than QMP_PENDING_MAX / 2 */
	RECONNECT_MS = 1000, /* after a connection that did not last as long */
	STEP_ROUNDS = 16,    /* chunks a step moves before others have their turn */
	RATE_PAUSE_MS = 50,  /* when the stub domain said more than its rate */
	PTY_LOOK_MS = 500,   /* as often as we look whether a pty was opened */
};

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

static void drop_stream(struct relay_channel *channel, int64_t now_ms)
{
	if (!channel->open)
		return;
	vchan_stream_close(&channel->stream);
	channel->open = false;
	channel->held_back = false;
	buffer_free(&channel->to_stub);
	if (now_ms - channel->opened_ms < RECONNECT_MS && channel->kind->stays)
		channel->not_before_ms = now_ms + RECONNECT_MS;
}

/* The client is gone: what it would have read is of no use to the next one. */
static void drop_client(struct relay_channel *channel, int64_t now_ms)
{
	endpoint_disconnect(&channel->end);
	channel->dial_at_ms =
		now_ms + channel->plan->endpoint.reconnect_s * INT64_C(1000);
	channel->closing = false;
	if (channel->kind->stays) {
		buffer_free(&channel->to_stub);
		return;
	}
	drop_stream(channel, now_ms);
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

/* A client of others, as opposed to a place that others connect to. */
static bool dials(const struct relay_channel *channel)
{
	return channel->plan->endpoint.reconnect_s > 0 && channel->end.in_fd < 0 &&
	       (channel->plan->endpoint.type == PLAN_ENDPOINT_UNIX_CONNECT ||
		channel->plan->endpoint.type == PLAN_ENDPOINT_TCP_CONNECT);
}

bool relay_channel_wants_dial(const struct relay_channel *channel, int64_t now_ms)
{
	return dials(channel) && !channel->dialling && now_ms >= channel->dial_at_ms;
}

void relay_channel_dialled(struct relay_channel *channel, int fd, int64_t now_ms)
{
	bool wanted = channel->dialling && dials(channel);

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

static bool room_for_client(const struct relay_channel *channel)
{
	return !channel->closing && channel->kind->has_room(channel);
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

int relay_channel_timeout(const struct relay_channel *channel, int64_t now_ms)
{
	int64_t left;

	if (channel->busy || can_go_on(channel))
		return 0;
	if (channel->held_back)
		return RATE_PAUSE_MS;
	if (channel->qmp.job.need == QMP_NEED_TIME)
		return channel->again_ms > now_ms ? (int)(channel->again_ms - now_ms) : 0;
	if (channel->end.is_pty && !channel->end.attached && channel->end.opened_fd < 0)
		return PTY_LOOK_MS;
	left = channel->not_before_ms - now_ms;
	if (dials(channel) && !channel->dialling) {
		int64_t dial = channel->dial_at_ms - now_ms;

		if (dial <= 0)
			return 0;
		left = left > 0 && left < dial ? left : dial;
	}
	return left > 0 ? (int)left : -1;
}

bool relay_channel_tick(struct relay_channel *channel, int64_t now_ms)
{
	bool was = channel->end.attached;

	if (channel->end.is_pty && !was)
		endpoint_update(&channel->end);
	return channel->busy || channel->end.attached != was ||
	       relay_channel_wants(channel, now_ms) || can_go_on(channel) ||
	       channel->held_back;
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
			drop_client(channel, now_ms);
		return false;
	}
	if (channel->plan->endpoint.telnet)
		n = (ssize_t)telnet_filter(&channel->telnet, chunk, (size_t)n);
	if (channel->kind->take_client(channel, chunk, (size_t)n, &err) < 0) {
		log_info("channel %s: %s", channel->plan->name, err.msg);
		channel->closing = true;
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
		drop_client(channel, now_ms);
		return false;
	}
	channel->end.failing = false;
	buffer_consume(out, (size_t)n);
	return true;
}

/* The stub domain's end of the connection is gone or cannot be trusted. */
static void lose_stream(struct relay_channel *channel, int64_t now_ms)
{
	drop_stream(channel, now_ms);
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
		drop_stream(channel, now_ms);
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

/* Before anything else; what the last client did not read stays behind it. */
static void greet(struct relay_channel *channel)
{
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
		greet(channel);
	if (channel->open)
		vchan_stream_ack(&channel->stream);
	/* Before the loop, which sends what comes of it. */
	if (can_go_on(channel) && qmp_filter_go_on(&channel->qmp, &err) < 0) {
		log_info("channel %s: %s", channel->plan->name, err.msg);
		channel->closing = true;
	}
	for (unsigned i = 0; busy && i < STEP_ROUNDS; i++) {
		busy = read_client(channel, now_ms);
		busy |= write_stub(channel, now_ms);
		busy |= read_stub(channel, now_ms);
		busy |= write_client(channel, now_ms);
	}
	if (channel->ended && channel->incoming->len == 0 && channel->open) {
		drop_stream(channel, now_ms);
		channel->over = true;
	}
	if (channel->closing && channel->outgoing->len == 0)
		drop_client(channel, now_ms);
	channel->busy = busy;
}

void relay_channel_end_save(struct relay_channel *channel, int64_t now_ms)
{
	relay_save_stop(&channel->save);
	drop_stream(channel, now_ms);
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
