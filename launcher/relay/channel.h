/* SPDX-License-Identifier: MIT */
/* One channel in the relay: a vchan on one side, an endpoint on the other. */
#ifndef STUBDOM_RELAY_CHANNEL_H
#define STUBDOM_RELAY_CHANNEL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "endpoint/endpoint.h"
#include "plan/plan.h"
#include "rate.h"
#include "relay/hmp_line.h"
#include "relay/kind.h"
#include "relay/qmp/filter.h"
#include "relay/save.h"
#include "relay/silence.h"
#include "relay/telnet.h"
#include "relay/vnc_door.h"
#include "vchan_stream.h"

struct relay_channel {
	const struct plan_channel *plan;
	const struct relay_kind *kind;
	struct endpoint end;
	const struct qmp_names *names;
	struct qmp_shared *shared;
	struct vchan_stream stream;
	bool open;     /* stream is attached */
	bool asked;    /* an offer was asked for */
	bool dialling; /* a new connection of the endpoint was asked for */
	bool busy;     /* relay_channel_step has more to do at once */
	bool held_up;  /* nothing more is taken from the client for now */
	bool old;      /* stream is that to a stub domain that serves no more */
	bool closing;  /* deliver the outgoing bytes, then drop the client */
	int64_t opened_ms;
	int64_t not_before_ms; /* no new connection before */
	int64_t dial_at_ms;    /* the endpoint is not connected again before */
	struct buffer to_stub;
	struct buffer to_host;
	struct buffer *incoming; /* for the stub domain: to_stub or QMP's */
	struct buffer *outgoing; /* for the client: to_host or QMP's */
	struct telnet telnet;
	struct hmp_line hmp;	/* of a human monitor's client */
	struct vnc_door door;	/* of a screen */
	int64_t door_until_ms;	/* its viewer must be past it */
	struct qmp_filter qmp;	/* idle in a channel of another kind */
	bool spoke;		/* the stub domain, since silence_step */
	struct silence silence; /* of a QMP connection */
	struct rate rate;	/* of the stub domain's bytes, over all connections */
	bool held_back;		/* there are more of them than that */
	int64_t again_ms;	/* when a QMP job is to try again */
	struct relay_save save; /* of a save channel */
	bool ended;		/* restore: the toolstack's file is read to its end */
	bool over; /* restore: delivered, or the stub domain closed: no connection more */
};

enum { RELAY_CHANNEL_FDS = 3 };

/* With the privileges of the caller: opens the endpoint. */
int relay_channel_open(struct relay_channel *channel, const struct plan_channel *plan,
		       const struct qmp_names *names, struct qmp_shared *shared,
		       struct err *err);

/* A connection to the stub domain, in answer to relay_channel_wants. Takes the offer. */
void relay_channel_attach(struct relay_channel *channel, const struct vchan_offer *offer,
			  int64_t now_ms);

/* Whether an offer should be asked for now. */
bool relay_channel_wants(const struct relay_channel *channel, int64_t now_ms);

/* Whether its *-connect endpoint should be connected again now. */
bool relay_channel_wants_dial(const struct relay_channel *channel, int64_t now_ms);

/* The answer to that: a socket that connects, or -1.  Takes it. */
void relay_channel_dialled(struct relay_channel *channel, int fd, int64_t now_ms);

/* Whether it connects to others, as opposed to a place that others connect to. */
bool relay_channel_dials(const struct relay_channel *channel);

/* Closes the connection to the stub domain, if there is one. */
void relay_channel_drop_stream(struct relay_channel *channel, int64_t now_ms);

/* The client goes when it has read what is there, and the kind's last words. */
void relay_channel_send_away(struct relay_channel *channel);

/* The client is gone: bytes for it are of no use to the next one. */
void relay_channel_drop_client(struct relay_channel *channel, int64_t now_ms);

/*
 * Fills in the descriptors to wait for; returns how many of RELAY_CHANNEL_FDS were used.
 */
unsigned relay_channel_poll(struct relay_channel *channel, struct pollfd *fds);

/* After so many ms relay_channel_tick must be called; -1: no need. */
int relay_channel_timeout(const struct relay_channel *channel, int64_t now_ms);

/*
 * Checks state that poll() cannot report (ptys, due jobs, rate limit).  True if
 * relay_channel_step must run.
 */
bool relay_channel_tick(struct relay_channel *channel, int64_t now_ms);

/* Moves bytes without blocking; channel->busy: there is more to move at once. */
void relay_channel_step(struct relay_channel *channel, int64_t now_ms);

/*
 * Another stub domain has taken over: the next connection is to that.  The client stays
 * if its kind can go on with another QEMU.
 */
void relay_channel_switch(struct relay_channel *channel, int64_t now_ms);

/*
 * That of before has ended.  Its last bytes are taken; a port's connection to it, which a
 * stub domain that crashed has not closed, is closed here.
 */
void relay_channel_left(struct relay_channel *channel, int64_t now_ms);

/* Nothing of its client's goes to QEMU (true), or it goes again; not of a port. */
void relay_channel_hold(struct relay_channel *channel, bool holds);

/*
 * Whether QEMU has answered each command that went to it, or never will.  Of HMP: whether
 * each letter has gone to the stub domain; what it says is no answer to any of them.
 */
bool relay_channel_is_still(const struct relay_channel *channel);

/* A restore channel carries the state in fd, which it takes, to a stub domain. */
void relay_channel_restore(struct relay_channel *channel, int fd, int64_t now_ms);

/* A save channel whose client has gone. */
void relay_channel_end_save(struct relay_channel *channel, int64_t now_ms);

/* Whether bytes of the stub domain still wait for a client that reads. */
bool relay_channel_pending(const struct relay_channel *channel);

void relay_channel_close(struct relay_channel *channel);

#endif
