/* SPDX-License-Identifier: MIT */
/* QMP messages of the stub domain, made anew for the client. */
#ifndef STUBDOM_QMP_ANSWER_H
#define STUBDOM_QMP_ANSWER_H

#include <jansson.h>

#include "relay/qmp/schema.h"
#include "relay/qmp/table.h"
#include "relay/qmp/word.h"

/*
 * A client tells the kind of a message by its members, and each client looks for them in
 * an order of its own.  So a message has one meaning only.  The client gets only the
 * members that belong to it.
 */
enum qmp_message {
	QMP_MESSAGE_BAD, /* none of them, or more than one */
	QMP_MESSAGE_GREETING,
	QMP_MESSAGE_EVENT,
	QMP_MESSAGE_RETURN,
	QMP_MESSAGE_ERROR,
};

enum { QMP_PACKAGE_MAX = 128, QMP_DESC_MAX = 1024 /* bytes */ };

enum qmp_message qmp_answer_kind(const json_t *message);

/* Each: a new message for the caller, without an id; NULL: it cannot be made. */
json_t *qmp_answer_greeting(const json_t *message);
json_t *qmp_answer_error(const json_t *message);

/* NULL also for an event that the image's QEMU does not have. */
json_t *qmp_answer_event(const struct qmp_names *names, const json_t *message);

/* The answer to the command `name`. */
json_t *qmp_answer_return(const struct qmp_names *names, const char *name,
			  enum qmp_action action, const json_t *message);

/* An error of our own: "NAME: WHY". */
json_t *qmp_answer_refuse(const char *fmt, const char *name, const char *why);

#endif
