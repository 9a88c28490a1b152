/* SPDX-License-Identifier: MIT */
/* One channel in the relay: a vchan on one side, an endpoint on the other. */
#include "relay/channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "log.h"

enum {
	HELD_MAX = 64 * 1024, /* bytes waiting in one direction */
	QMP_CHUNK = 2048,     /* holds fewer commands than QMP_PENDING_MAX / 2 */
	RECONNECT_MS = 1000,  /* after a connection that did not last as long */
	STEP_ROUNDS = 16,     /* chunks a step moves before others have their turn */
	QMP_READ = 4096, /* as a chunk of QMP from the stub domain is parsed at once */
	QMP_PER_S = 256 * 1024, /* bytes of QMP from the stub domain, and at once: */
	QMP_AT_ONCE = 2 * QMP_MESSAGE_MAX,
	QMP_PAUSE_MS = 50, /* when there were more */
	PTY_LOOK_MS = 500, /* as often as we look whether a pty was opened */
};

static bool is_kind(const struct relay_channel *channel, enum stubdom_channel_kind kind)
{
	return channel->plan->kind == kind;
}

/* Whether somebody in dom0 is there for what the stub domain says. */
static bool has_reader(const struct relay_channel *channel)
{
	if (is_kind(channel, STUBDOM_CHANNEL_SAVE))
		return channel->save.active && !channel->save.done;
	return endpoint_connected(&channel->end);
}

/*
 * QEMU's output exists without a client: the connection stays, the latest bytes are
 * kept.
 */
static bool stays_connected(const struct relay_channel *channel)
{
	switch (channel->plan->kind) {
	case STUBDOM_CHANNEL_SERIAL:
	case STUBDOM_CHANNEL_PARALLEL:
	case STUBDOM_CHANNEL_RESTORE:
		return true;
	default:
		return false;
	}
}

int relay_channel_open(struct relay_channel *channel, const struct plan_channel *plan,
		       const struct qmp_names *names, struct qmp_shared *shared,
		       struct err *err)
{
	memset(channel, 0, sizeof(*channel));
	channel->plan = plan;
	channel->names = names;
	channel->shared = shared;
	channel->is_qmp = plan->kind == STUBDOM_CHANNEL_QMP;
	channel->qmp.names = names;
	channel->qmp.shared = shared;
	channel->qmp_rate = rate_full(QMP_PER_S, QMP_AT_ONCE);
	if (endpoint_open(&channel->end, &plan->endpoint, err) < 0)
		return err_prefix(err, "channel %s", plan->name);
	return 0;
}

static void forget_bytes(struct relay_channel *channel)
{
	buffer_free(&channel->to_stub);
	buffer_free(&channel->to_host);
	qmp_filter_free(&channel->qmp);
	memset(&channel->qmp, 0, sizeof(channel->qmp));
	channel->qmp.names = channel->names;
	channel->qmp.shared = channel->shared;
}

static void drop_stream(struct relay_channel *channel, int64_t now_ms)
{
	if (!channel->open)
		return;
	vchan_stream_close(&channel->stream);
	channel->open = false;
	channel->held_back = false;
	buffer_free(&channel->to_stub);
	if (now_ms - channel->opened_ms < RECONNECT_MS && stays_connected(channel))
		channel->not_before_ms = now_ms + RECONNECT_MS;
}

/* The client is gone: what it would have read is of no use to the next one. */
static void drop_client(struct relay_channel *channel, int64_t now_ms)
{
	endpoint_disconnect(&channel->end);
	channel->dial_at_ms =
		now_ms + channel->plan->endpoint.reconnect_s * INT64_C(1000);
	channel->closing = false;
	if (stays_connected(channel)) {
		buffer_free(&channel->to_stub);
		return;
	}
	drop_stream(channel, now_ms);
	forget_bytes(channel);
}

void relay_channel_attach(struct relay_channel *channel, const struct vchan_offer *offer,
			  int64_t now_ms)
{
	struct vchan_offer unused = *offer;
	struct err err;

	channel->asked = false;
	if (channel->open || (!stays_connected(channel) && !has_reader(channel))) {
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
	       now_ms >= channel->not_before_ms &&
	       (stays_connected(channel) || has_reader(channel));
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

static struct buffer *outgoing(struct relay_channel *channel)
{
	return channel->is_qmp ? &channel->qmp.to_client : &channel->to_host;
}

static struct buffer *incoming(struct relay_channel *channel)
{
	return channel->is_qmp ? &channel->qmp.to_stub : &channel->to_stub;
}

static bool room_for_client(const struct relay_channel *channel)
{
	if (channel->closing)
		return false;
	if (channel->is_qmp)
		return !qmp_filter_client_full(&channel->qmp);
	return channel->to_stub.len < HELD_MAX;
}

unsigned relay_channel_poll(struct relay_channel *channel, struct pollfd *fds)
{
	struct endpoint *end = &channel->end;
	short in = room_for_client(channel) ? POLLIN : 0;
	short out = outgoing(channel)->len && !end->is_file ? POLLOUT : 0;
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
	if (channel->is_qmp && channel->qmp.job.state != QMP_JOB_NONE && !out)
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
	return channel->is_qmp && !channel->closing &&
	       qmp_filter_can_go_on(&channel->qmp);
}

int relay_channel_timeout(const struct relay_channel *channel, int64_t now_ms)
{
	int64_t left;

	if (can_go_on(channel))
		return 0;
	if (channel->held_back)
		return QMP_PAUSE_MS;
	if (channel->is_qmp && channel->qmp.job.need == QMP_NEED_TIME)
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
	return channel->end.attached != was || relay_channel_wants(channel, now_ms) ||
	       can_go_on(channel) || channel->held_back;
}

/* Reads, on a QMP socket with the descriptors that came beside the bytes. */
static ssize_t read_input(struct relay_channel *channel, char *chunk, size_t size)
{
	int fds[QMP_ARRIVED_MAX];
	size_t n_fds;
	ssize_t n;

	if (!channel->is_qmp)
		return read(channel->end.in_fd, chunk, size);
	n = fds_receive(channel->end.in_fd, chunk, size, fds, QMP_ARRIVED_MAX, &n_fds);
	if (n < 0 && errno == ENOTSOCK)
		return read(channel->end.in_fd, chunk, size);
	for (size_t i = 0; i < n_fds; i++)
		qmp_arrived_put(&channel->qmp.arrived, fds[i]);
	return n;
}

/* The toolstack's file is read; what is left of it is still to be delivered. */
static void end_restore(struct relay_channel *channel)
{
	endpoint_disconnect(&channel->end);
	channel->ended = true;
}

/* Takes bytes of the client; false: nothing more now. */
static bool read_client(struct relay_channel *channel, int64_t now_ms)
{
	char chunk[QMP_CHUNK];
	struct err err;
	ssize_t n;

	if (channel->end.in_fd < 0 || !endpoint_connected(&channel->end) ||
	    !room_for_client(channel))
		return false;
	n = read_input(channel, chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0 && is_kind(channel, STUBDOM_CHANNEL_RESTORE)) {
		end_restore(channel);
		return false;
	}
	if (n <= 0) {
		if (!endpoint_end_input(&channel->end))
			drop_client(channel, now_ms);
		return false;
	}
	if (channel->plan->endpoint.telnet)
		n = (ssize_t)telnet_filter(&channel->telnet, chunk, (size_t)n);
	if (!channel->is_qmp)
		return buffer_append(&channel->to_stub, chunk, (size_t)n, 2 * HELD_MAX) ==
		       0;
	if (qmp_filter_client(&channel->qmp, chunk, (size_t)n, &err) < 0) {
		log_info("channel %s: %s", channel->plan->name, err.msg);
		channel->closing = true;
		return false;
	}
	return true;
}

/* Delivers to the client; false: nothing more now. */
static bool write_client(struct relay_channel *channel, int64_t now_ms)
{
	struct buffer *out = outgoing(channel);
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
	if (is_kind(channel, STUBDOM_CHANNEL_SAVE))
		relay_save_end(&channel->save);
	else if (is_kind(channel, STUBDOM_CHANNEL_RESTORE))
		channel->over = true; /* the rest of a state is no state */
	else if (!stays_connected(channel))
		channel->closing = true;
}

/* Takes bytes of the stub domain; false: nothing more now. */
static bool read_stub(struct relay_channel *channel, int64_t now_ms)
{
	bool listens = endpoint_connected(&channel->end);
	/* A serial port's ring at once: each read may wake the stub domain. */
	char chunk[HELD_MAX];
	size_t most = channel->is_qmp ? QMP_READ : sizeof(chunk);
	struct err err;
	ssize_t n;

	channel->held_back = false;
	/* With nobody listening the latest bytes are kept, so QEMU is not held up. */
	if (!channel->open || (listens && outgoing(channel)->len >= HELD_MAX))
		return false;
	/* Of a flood no more is parsed than this; the rest waits in the ring. */
	channel->held_back =
		channel->is_qmp && rate_left(&channel->qmp_rate, now_ms) == 0;
	if (channel->held_back)
		return false;
	n = vchan_stream_read(&channel->stream, chunk, most);
	if (n > 0)
		rate_spend(&channel->qmp_rate, n);
	if (n < 0)
		lose_stream(channel, now_ms);
	if (n <= 0)
		return false;
	if (is_kind(channel, STUBDOM_CHANNEL_SAVE)) {
		relay_save_take(&channel->save, chunk, (size_t)n);
		if (channel->save.done)
			drop_stream(channel, now_ms);
		return true;
	}
	if (!channel->is_qmp) {
		buffer_append_recent(&channel->to_host, chunk, (size_t)n,
				     HELD_MAX + sizeof(chunk));
		return true;
	}
	if (qmp_filter_stub(&channel->qmp, chunk, (size_t)n, &err) < 0) {
		log_warn("channel %s: %s; connection closed", channel->plan->name,
			 err.msg);
		lose_stream(channel, now_ms);
		return false;
	}
	return true;
}

static bool write_stub(struct relay_channel *channel, int64_t now_ms)
{
	struct buffer *in = incoming(channel);
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

bool relay_channel_step(struct relay_channel *channel, int64_t now_ms)
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
	if (channel->ended && incoming(channel)->len == 0 && channel->open) {
		drop_stream(channel, now_ms);
		channel->over = true;
	}
	if (channel->closing && outgoing(channel)->len == 0)
		drop_client(channel, now_ms);
	return busy;
}

void relay_channel_end_save(struct relay_channel *channel, int64_t now_ms)
{
	relay_save_stop(&channel->save);
	drop_stream(channel, now_ms);
}

bool relay_channel_pending(const struct relay_channel *channel)
{
	const struct buffer *out =
		channel->is_qmp ? &channel->qmp.to_client : &channel->to_host;

	return out->len > 0 && endpoint_connected(&channel->end);
}

void relay_channel_close(struct relay_channel *channel)
{
	if (channel->open)
		vchan_stream_close(&channel->stream);
	channel->open = false;
	/* A job's descriptors and its turn go with it. */
	forget_bytes(channel);
	endpoint_close(&channel->end);
}
