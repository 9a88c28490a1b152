/* SPDX-License-Identifier: MIT */
/* Byte streams between dom0 and QEMU: libxenvchan servers and QEMU's unix sockets. */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/channel.h"
#include "channel_kind.h"
#include "clock.h"
#include "report.h"
#include "unix_address.h"
#include "vchan.h"

enum {
	BUFFER = 16 * 1024, /* bytes on their way, in each direction */
	ROUNDS_MAX = 16,    /* of one channel before the others have their turn */
	RETRY_MIN_MS = 10,
	RETRY_MAX_MS = 500,
	CONNECT_TIMEOUT_MS = 30000, /* for QEMU to listen, once dom0 has connected */
};

struct buffer {
	char bytes[BUFFER];
	size_t at, len; /* bytes that are still to be passed on */
};

struct channel {
	const struct boot_channel *spec;
	char path[sizeof(STUBDOM_XS_CHANNEL "/") + STUBDOM_CHANNEL_NAME_MAX];
	struct libxenvchan *vchan; /* NULL: given up */
	int sock;		   /* to QEMU (save: its file), or -1 */
	bool sock_eof;		   /* QEMU sends nothing more */
	bool again;		   /* stopped by ROUNDS_MAX, not for want of bytes */
	bool early;	  /* connected to QEMU before dom0 is, and until its first byte */
	int64_t retry_at; /* when to connect to QEMU again; 0: no plan */
	int64_t retry_since;
	int retry_ms;
	struct buffer *in, *out; /* to QEMU, to dom0 */
};

static struct {
	struct channel *all;
	size_t n;
	bool ending; /* no more connections */
} channels;

/*
 * A guest writes to its serial port without a reader in dom0, too.  So these kinds are
 * connected to QEMU at once, and stay so when a client leaves.
 */
static bool is_eager(const struct channel *ch)
{
	return ch->spec->kind == STUBDOM_CHANNEL_SERIAL ||
	       ch->spec->kind == STUBDOM_CHANNEL_PARALLEL;
}

/* QEMU saves its state to a file, and says on its monitor when that is complete. */
static bool is_save(const struct channel *ch)
{
	return ch->spec->kind == STUBDOM_CHANNEL_SAVE;
}

/* dom0 pauses a guest only when the QEMU that is to go on with it listens. */
static bool is_restore(const struct channel *ch)
{
	return ch->spec->kind == STUBDOM_CHANNEL_RESTORE;
}

/* Connected to QEMU whether dom0 is there or not. */
static bool goes_ahead(const struct channel *ch)
{
	return is_eager(ch) || ch->early;
}

static int offer(struct channel *ch, struct err *err)
{
	struct channel_rings rings = channel_kind_rings(ch->spec->kind);

	ch->vchan = vchan_offer(ch->path, rings.from_dom0, rings.to_dom0, err);
	return ch->vchan ? 0 : -1;
}

static void drop_sock(struct channel *ch)
{
	if (ch->sock >= 0)
		close(ch->sock);
	ch->sock = -1;
	ch->sock_eof = false;
	ch->retry_at = ch->retry_since = 0;
	ch->in->len = 0;
}

/* Ends this connection and offers the next one. */
static void renew(struct channel *ch)
{
	struct err err;

	ch->in->len = 0;
	if (!is_eager(ch)) {
		drop_sock(ch);
		ch->out->len = 0;
	}
	vchan_close(ch->vchan);
	ch->vchan = NULL;
	if (!channels.ending && offer(ch, &err) < 0)
		report_error(&err); /* this channel is lost, the others go on */
}

static void connect_failed(struct channel *ch, int why)
{
	const int64_t now = clock_ms();
	/* Not listening yet, or another connection is just being closed. */
	const bool wait = why == ENOENT || why == ECONNREFUSED || why == EAGAIN;

	if (!ch->retry_since) {
		ch->retry_since = now;
		ch->retry_ms = RETRY_MIN_MS;
	}
	if (wait && (goes_ahead(ch) || now - ch->retry_since < CONNECT_TIMEOUT_MS)) {
		ch->retry_at = now + ch->retry_ms;
		if (ch->retry_ms < RETRY_MAX_MS)
			ch->retry_ms *= 2;
		return;
	}
	report_line("channel %s: cannot connect to %s: %s", ch->spec->name,
		    ch->spec->path, strerror(why));
	renew(ch);
}

static int open_sock(const char *path)
{
	struct sockaddr_un addr;
	int fd;

	if (unix_address_set(&addr, path) < 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		const int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

/* With it dom0 knows whether it has got all. */
static void put_length(struct channel *ch)
{
	struct stat st;
	uint64_t length = fstat(ch->sock, &st) == 0 ? (uint64_t)st.st_size : 0;

	ch->out->at = 0;
	ch->out->len = 8;
	for (unsigned i = 0; i < 8; i++)
		ch->out->bytes[i] = (char)(length >> (8 * i));
}

static void connect_qemu(struct channel *ch)
{
	int fd = is_save(ch) ? open(ch->spec->path, O_RDONLY | O_CLOEXEC)
			     : open_sock(ch->spec->path);

	if (fd < 0) {
		connect_failed(ch, errno);
		return;
	}
	ch->sock = fd;
	ch->retry_at = ch->retry_since = 0;
	if (is_save(ch))
		put_length(ch);
}

/* One step from dom0 to QEMU.  Returns whether bytes moved. */
static bool step_in(struct channel *ch, bool *ended)
{
	struct buffer *in = ch->in;
	bool moved = false;
	ssize_t n;

	if (in->len == 0) {
		n = vchan_read(ch->vchan, in->bytes, sizeof(in->bytes));
		if (n < 0)
			*ended = true;
		if (n <= 0)
			return false;
		in->at = 0;
		in->len = (size_t)n;
		moved = true;
		ch->early = false;
	}
	if (ch->sock < 0)
		return moved;
	n = send(ch->sock, in->bytes + in->at, in->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		in->len = 0; /* QEMU has closed; its earlier bytes are still read */
		return moved;
	}
	if (n > 0) {
		in->at += (size_t)n;
		in->len -= (size_t)n;
		moved = true;
	}
	return moved;
}

/* One step from QEMU to dom0.  Returns whether bytes moved. */
static bool step_out(struct channel *ch, bool *ended)
{
	struct buffer *out = ch->out;
	bool moved = false;
	ssize_t n;

	if (out->len == 0 && ch->sock >= 0 && !ch->sock_eof) {
		n = read(ch->sock, out->bytes, sizeof(out->bytes));
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			ch->sock_eof = true;
		if (n > 0) {
			out->at = 0;
			out->len = (size_t)n;
			moved = true;
		}
	}
	if (out->len == 0)
		return moved;
	n = vchan_write(ch->vchan, out->bytes + out->at, out->len);
	if (n < 0)
		*ended = true;
	if (n > 0) {
		out->at += (size_t)n;
		out->len -= (size_t)n;
		moved = true;
	}
	return moved;
}

/* QEMU has closed and everything it sent has been passed on. */
static void qemu_closed(struct channel *ch)
{
	const bool eager = is_eager(ch);

	drop_sock(ch);
	if (is_save(ch))
		unlink(ch->spec->path); /* it takes up memory, and is in dom0 now */
	if (eager) {
		/* Such a port is closed once, when QEMU ends. */
		vchan_close(ch->vchan);
		ch->vchan = NULL;
		return;
	}
	renew(ch);
}

static void pump(struct channel *ch)
{
	ch->again = false;
	for (int round = 0; ch->vchan; round++) {
		bool moved, in_ended = false, out_ended = false;

		if (round == ROUNDS_MAX) {
			ch->again = true;
			return;
		}
		if (ch->sock < 0 && ch->retry_at <= clock_ms() &&
		    (goes_ahead(ch) || vchan_peer(ch->vchan) != VCHAN_PEER_NONE)) {
			connect_qemu(ch);
			if (!ch->vchan)
				return;
		}
		moved = step_in(ch, &in_ended);
		moved |= step_out(ch, &out_ended);
		if (in_ended || (out_ended && !moved)) {
			renew(ch);
			continue;
		}
		if (ch->sock_eof && ch->out->len == 0) {
			qemu_closed(ch);
			continue;
		}
		if (!moved)
			return;
	}
}

int channels_open(const struct boot_contract *boot, struct err *err)
{
	channels.all = calloc(boot->n_channels + 1, sizeof(*channels.all));
	if (!channels.all)
		return err_set(err, ERR_STUB, "out of memory");
	for (size_t i = 0; i < boot->n_channels; i++) {
		struct channel *ch = &channels.all[i];

		ch->spec = &boot->channels[i];
		ch->sock = -1;
		ch->early = is_restore(ch);
		ch->retry_at = goes_ahead(ch) ? clock_ms() : 0;
		snprintf(ch->path, sizeof(ch->path), STUBDOM_XS_CHANNEL "/%s",
			 ch->spec->name);
		ch->in = calloc(1, sizeof(*ch->in));
		ch->out = calloc(1, sizeof(*ch->out));
		if (!ch->in || !ch->out)
			return err_set(err, ERR_STUB, "out of memory");
		if (offer(ch, err) < 0)
			return -1;
		channels.n++;
	}
	return 0;
}

static short sock_events(const struct channel *ch)
{
	short events = 0;

	if (ch->sock < 0)
		return 0;
	if (ch->in->len)
		events |= POLLOUT;
	if (ch->out->len == 0 && !ch->sock_eof)
		events |= POLLIN;
	return events;
}

size_t channels_poll(struct pollfd *pfds, int *timeout_ms)
{
	for (size_t i = 0; i < channels.n; i++) {
		const struct channel *ch = &channels.all[i];
		struct pollfd *pfd = &pfds[i * CHANNEL_POLL_MAX];
		const short events = sock_events(ch);

		pfd[0] = (struct pollfd){.fd = ch->vchan ? vchan_fd(ch->vchan) : -1,
					 .events = POLLIN};
		/* Without events it would still report a hang-up, again and again. */
		pfd[1] = (struct pollfd){.fd = events ? ch->sock : -1, .events = events};
		if (ch->again)
			*timeout_ms = 0;
		if (ch->vchan && ch->sock < 0 && ch->retry_at) {
			int64_t left = ch->retry_at - clock_ms();

			if (left < 0)
				left = 0;
			if (*timeout_ms < 0 || left < *timeout_ms)
				*timeout_ms = (int)left;
		}
	}
	return channels.n * CHANNEL_POLL_MAX;
}

void channels_run(const struct pollfd *pfds, size_t n)
{
	for (size_t i = 0; i < n / CHANNEL_POLL_MAX; i++) {
		struct channel *ch = &channels.all[i];
		const struct pollfd *pfd = &pfds[i * CHANNEL_POLL_MAX];
		const bool due = ch->retry_at && ch->retry_at <= clock_ms();

		if (!ch->vchan)
			continue;
		if (pfd[0].revents)
			vchan_ack(ch->vchan);
		if (pfd[0].revents || pfd[1].revents || ch->again || due)
			pump(ch);
	}
}

bool channels_incoming(void)
{
	for (size_t i = 0; i < channels.n; i++)
		if (is_restore(&channels.all[i]) && channels.all[i].sock >= 0)
			return true;
	return false;
}

bool channels_ready(void)
{
	for (size_t i = 0; i < channels.n; i++) {
		struct channel *ch = &channels.all[i];

		if (!ch->vchan || !is_eager(ch) || ch->sock >= 0)
			continue;
		ch->retry_at = clock_ms();
		pump(ch);
		if (ch->vchan && ch->sock < 0)
			return false;
	}
	return true;
}

/* Whether there is a client that has not got everything yet. */
static bool is_draining(const struct channel *ch)
{
	return ch->vchan && vchan_peer(ch->vchan) == VCHAN_PEER_OPEN &&
	       (ch->out->len || (ch->sock >= 0 && !ch->sock_eof));
}

void channels_close(int ms)
{
	const int64_t end = clock_ms() + ms;
	bool draining = true;

	channels.ending = true;
	while (draining && clock_ms() < end) {
		draining = false;
		for (size_t i = 0; i < channels.n; i++) {
			struct channel *ch = &channels.all[i];

			/* Connected channels only: nobody listens any more. */
			if (!is_draining(ch))
				continue;
			pump(ch);
			draining |= is_draining(ch);
		}
		if (draining)
			clock_wait_ms(5);
	}
	for (size_t i = 0; i < channels.n; i++) {
		struct channel *ch = &channels.all[i];

		if (ch->vchan)
			vchan_close(ch->vchan);
		if (ch->sock >= 0)
			close(ch->sock);
		free(ch->in);
		free(ch->out);
	}
	free(channels.all);
	memset(&channels, 0, sizeof(channels));
}
