/* SPDX-License-Identifier: MIT */
/* A QMP connection between a client in dom0 and the QEMU of a stub domain. */
#ifndef STUBDOM_QMP_FILTER_H
#define STUBDOM_QMP_FILTER_H

#include <stdbool.h>

#include "buffer.h"
#include "err.h"
#include "relay/qmp/fds.h"
#include "relay/qmp/job.h"
#include "relay/qmp/split.h"
#include "relay/qmp/word.h"

/*
 * Nothing goes through as it came.  A client's command is looked up in table.h and
 * written anew with an id of ours.  The stub domain greets once and first.  Each answer
 * has the id of the command whose turn it is.  Answers and events are made anew from
 * QEMU's schema (answer.h).  The client is trusted to be clumsy, the stub domain to be
 * hostile; both are held to the bounds of split.h.
 */

enum { QMP_PENDING_MAX = 256 };

struct qmp_pending; /* a command whose answer is awaited */

/* All zero but the first two is a fresh connection; qmp_filter_free ends it. */
struct qmp_filter {
	const struct qmp_names *names;
	struct qmp_shared *shared;
	struct qmp_arrived arrived; /* descriptors that came from the client */
	struct qmp_split from_client;
	struct qmp_split from_stub;
	struct buffer to_client;
	struct buffer to_stub;
	struct qmp_pending *first;
	struct qmp_pending **last;
	unsigned n_pending;
	json_int_t last_id; /* that was given to a command for QEMU */
	bool greeted;	    /* by the stub domain */
	bool shown;	    /* the client has had a greeting */
	bool agreed;	    /* and has left negotiation */
	bool told;	    /* the log, that the stub domain sends what QEMU does not */
	bool held_up;	    /* set by the caller: no more commands go to QEMU for now */
	struct qmp_job job; /* a command of many steps: the next ones wait for it */
	struct buffer held; /* the client's bytes meanwhile */
};

/*
 * Bytes that came from one side; to_client and to_stub hold the bytes to send.  -1: the
 * connection must end (after to_client was flushed).
 */
int qmp_filter_client(struct qmp_filter *filter, const char *data, size_t len,
		      struct err *err);
int qmp_filter_stub(struct qmp_filter *filter, const char *data, size_t len,
		    struct err *err);

/*
 * Goes on with the commands that a job holds up.  Call it after the job was told
 * something, and when it waits for its turn.  -1: as above.
 */
int qmp_filter_go_on(struct qmp_filter *filter, struct err *err);

/* Whether qmp_filter_go_on has something to do. */
bool qmp_filter_can_go_on(const struct qmp_filter *filter);

/* Whether so much is on its way that no more should be read from the client. */
bool qmp_filter_client_full(const struct qmp_filter *filter);

/* Whether QEMU owes something: its greeting, or the answer to a command or a job's step. */
bool qmp_filter_waits(const struct qmp_filter *filter);

/* While it is held up: whether every command that went to QEMU has its answer. */
bool qmp_filter_is_still(const struct qmp_filter *filter);

/*
 * The connection to the stub domain has ended, for another one has taken over.  Commands
 * without an answer get an error.  The next bytes of the stub domain are of a new
 * connection, which the client takes for the old one.  -1: as above.
 */
int qmp_filter_switch(struct qmp_filter *filter, struct err *err);

void qmp_filter_free(struct qmp_filter *filter);

#endif
