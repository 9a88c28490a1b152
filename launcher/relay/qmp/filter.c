/* SPDX-License-Identifier: MIT */
/* A QMP connection between a client in dom0 and the QEMU of a stub domain. */
#include "relay/qmp/filter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "log.h"
#include "relay/qmp/answer.h"
#include "relay/qmp/hmp.h"
#include "relay/qmp/number.h"
#include "relay/qmp/table.h"

enum { OUT_MAX = 2 * QMP_MESSAGE_MAX, FULL = 256 * 1024 };

/* QEMU answers in the order of the commands; a reply of our own waits for its turn. */
struct qmp_pending {
	struct qmp_pending *next;
	enum qmp_action action;
	json_int_t id;	   /* as QEMU knows the command */
	json_t *client_id; /* as the client does; NULL: it gave none */
	char *name;	   /* of the command; NULL: our own reply */
	json_t *reply;	   /* our own, without an id */
};

static void free_pending(struct qmp_pending *pending)
{
	json_decref(pending->client_id);
	json_decref(pending->reply);
	free(pending->name);
	free(pending);
}

static int emit(struct buffer *out, const json_t *message, struct err *err)
{
	cleanup_free char *text = qmp_number_dump(message);

	if (!text || buffer_append(out, text, strlen(text), OUT_MAX) < 0 ||
	    buffer_append(out, "\r\n", 2, OUT_MAX) < 0)
		return err_set(err, ERR_HOST, "QMP: too much is waiting to be read");
	return 0;
}

/* A reply with the id that the client gave to its command; takes the reply. */
static int emit_reply(struct qmp_filter *filter, json_t *reply, json_t *client_id,
		      struct err *err)
{
	int rc;

	if (reply && client_id)
		json_object_set(reply, "id", client_id);
	rc = emit(&filter->to_client, reply, err);
	json_decref(reply);
	return rc;
}

/* The command whose turn it was, for the caller. */
static struct qmp_pending *take_pending(struct qmp_filter *filter)
{
	struct qmp_pending *pending = filter->first;

	filter->first = pending->next;
	filter->n_pending--;
	return pending;
}

/* Answers that are ours and whose turn it is; the greeting is before them all. */
static int emit_own(struct qmp_filter *filter, struct err *err)
{
	while (filter->greeted && filter->first && filter->first->reply) {
		struct qmp_pending *pending = take_pending(filter);
		int rc = emit_reply(filter, json_incref(pending->reply),
				    pending->client_id, err);

		free_pending(pending);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static struct qmp_pending *add_pending(struct qmp_filter *filter, const json_t *message,
				       struct err *err)
{
	struct qmp_pending *pending = calloc(1, sizeof(*pending));

	if (!pending || filter->n_pending >= QMP_PENDING_MAX) {
		free(pending);
		err_set(err, ERR_USAGE, "QMP: over %d commands without an answer",
			QMP_PENDING_MAX);
		return NULL;
	}
	pending->client_id = json_incref(json_object_get(message, "id"));
	if (!filter->first)
		filter->last = &filter->first;
	*filter->last = pending;
	filter->last = &pending->next;
	filter->n_pending++;
	return pending;
}

/* To QEMU: the command's message, and an id of ours. */
static int send_command(struct qmp_filter *filter, const json_t *message,
			enum qmp_action action, struct err *err)
{
	struct qmp_pending *pending = add_pending(filter, message, err);
	json_t *arguments = json_object_get(message, "arguments");
	const char *name = json_string_value(json_object_get(message, "execute"));
	cleanup_json json_t *command = NULL;

	if (!pending)
		return -1;
	pending->action = action;
	pending->id = ++filter->last_id;
	pending->name = strdup(name);
	command = json_pack("{s:s, s:O*, s:I}", "execute", name, "arguments", arguments,
			    "id", pending->id);
	if (!pending->name || !command)
		return err_set(err, ERR_HOST, "QMP: out of memory");
	return emit(&filter->to_stub, command, err);
}

/* Takes the reply. */
static int answer_here(struct qmp_filter *filter, json_t *reply, const json_t *message,
		       struct err *err)
{
	struct qmp_pending *pending = add_pending(filter, message, err);

	if (!pending || !reply) {
		json_decref(reply);
		return pending ? err_set(err, ERR_HOST, "QMP: out of memory") : -1;
	}
	pending->reply = reply;
	return emit_own(filter, err);
}

static int refuse(struct qmp_filter *filter, const json_t *message, const char *fmt,
		  const char *name, const char *why, struct err *err)
{
	return answer_here(filter, qmp_answer_refuse(fmt, name, why), message, err);
}

static int take_fd_command(struct qmp_filter *filter, const char *name,
			   const json_t *message, struct err *err)
{
	struct err why;
	json_t *value = qmp_fds_command(&filter->shared->fds, &filter->arrived, name,
					json_object_get(message, "arguments"), &why);

	if (!value)
		return refuse(filter, message, "%s: %s", name, why.msg, err);
	return answer_here(filter, json_pack("{s:o}", "return", value), message, err);
}

/* The fault in a command's form, in QEMU's words (qapi/qmp-dispatch.c); "%s%s". */
static const char *find_fault(const json_t *message, const char **key)
{
	static const char *const known[] = {"execute", "arguments", "id"};
	const json_t *arguments = json_object_get(message, "arguments");
	const json_t *value;

	json_object_foreach((json_t *)message, *key, value) {
		bool found = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found |= strcmp(*key, known[i]) == 0;
		if (!found)
			return "QMP input member '%s' is unexpected%s";
	}
	*key = "";
	if (!json_object_get(message, "execute"))
		return "QMP input lacks member 'execute'%s%s";
	if (!json_is_string(json_object_get(message, "execute")))
		return "QMP input member 'execute' must be a string%s%s";
	if (arguments && !json_is_object(arguments))
		return "QMP input member 'arguments' must be an object%s%s";
	return NULL;
}

/*
 * Takes a command that is the relay's to answer: the password that it asks viewers for.
 * 0: not this.
 */
static int take_vnc_command(struct qmp_filter *filter, const char *name,
			    const json_t *message, struct err *err)
{
	struct vnc_password *vnc = filter->shared ? filter->shared->vnc : NULL;
	json_t *reply, *value;
	struct err why;

	if (!vnc)
		return 0;
	value = vnc_password_command(vnc, name, json_object_get(message, "arguments"),
				     vnc_password_now(), &why);
	if (!value && !why.msg[0])
		return 0;
	reply = value ? json_pack("{s:o}", "return", value)
		      : qmp_answer_refuse("%s: %s", name, why.msg);
	return answer_here(filter, reply, message, err) < 0 ? -1 : 1;
}

/* NULL: it is no line of HMP. */
static const char *hmp_line(const char *name, const json_t *message)
{
	const json_t *arguments = json_object_get(message, "arguments");

	if (!name || strcmp(name, "human-monitor-command") != 0)
		return NULL;
	return json_string_value(json_object_get(arguments, "command-line"));
}

/* NULL: it is no line of HMP that is answered here. */
static json_t *make_hmp_answer(const char *line)
{
	const char *refusal = line ? qmp_hmp_refusal(line) : NULL;

	return refusal ? json_pack("{s:s}", "return", refusal) : NULL;
}

/* 1: it waits for a disk to get longer; 0: it passes. */
static int take_growing(struct qmp_filter *filter, const char *name, json_t *message,
			struct err *err)
{
	struct qmp_grow grow;
	struct err why;
	int rc = qmp_grow_parse(name, json_object_get(message, "arguments"), &grow, &why);

	if (rc < 0)
		return refuse(filter, message, "%s: %s", name, why.msg, err) < 0 ? -1 : 1;
	if (rc > 0)
		qmp_job_begin(&filter->job, QMP_GROWS, message);
	return rc;
}

/* Whether block-stream leaves the disk on a backing file. */
static bool has_base(const json_t *message)
{
	const json_t *arguments = json_object_get(message, "arguments");

	return json_object_get(arguments, "base") ||
	       json_object_get(arguments, "base-node") ||
	       json_object_get(arguments, "bottom");
}

/* Of a command that has to do with PCI devices; it passes, or is a job, or is refused. */
static int take_lending(struct qmp_filter *filter, const struct qmp_command *command,
			json_t *message, struct err *err)
{
	const json_t *arguments = json_object_get(message, "arguments");
	enum qmp_action action = command->action;
	bool lent = filter->shared && filter->shared->lent.n > 0;

	if (action == QMP_SAVES && lent)
		return refuse(filter, message, "%s: %s", command->name,
			      "the guest has a PCI device of dom0's, whose state cannot "
			      "be saved; detach it (xl pci-detach)",
			      err);
	if (action == QMP_SAVES)
		action = QMP_WRITES;
	if ((action == QMP_LENDS && !qmp_lent_wanted(arguments)) ||
	    (action == QMP_RETURNS && !lent))
		return send_command(filter, message, QMP_PASS, err);
	qmp_job_begin(&filter->job, action, message);
	return 0;
}

static int take_command(struct qmp_filter *filter, json_t *message, struct err *err)
{
	const char *name = json_string_value(json_object_get(message, "execute"));
	const char *line = hmp_line(name, message);
	json_t *hmp = make_hmp_answer(line);
	const struct qmp_command *command;
	const char *fault;
	const char *key;
	int rc;

	if (hmp)
		return answer_here(filter, hmp, message, err);
	if (json_object_get(message, "exec-oob"))
		return refuse(filter, message, "%s: %s", "exec-oob",
			      "out-of-band commands are not offered", err);
	fault = find_fault(message, &key);
	if (fault)
		return refuse(filter, message, fault, key, "", err);
	rc = take_vnc_command(filter, name, message, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	command = qmp_table_find(name);
	switch (command->action) {
	case QMP_STREAMS:
		if (!has_base(message))
			return send_command(filter, message, QMP_PASS, err);
		/* fallthrough */
	case QMP_REFUSE:
		return refuse(filter, message, "%s cannot be carried: %s", name,
			      command->why, err);
	case QMP_TRACKS:
		if (filter->shared)
			filter->shared->migrates = json_is_true(json_object_get(
				json_object_get(message, "arguments"), "enable"));
		return send_command(filter, message, QMP_PASS, err);
	case QMP_FDS:
		return take_fd_command(filter, name, message, err);
	case QMP_GROWS:
		rc = take_growing(filter, name, message, err);
		if (rc)
			return rc < 0 ? -1 : 0;
		if (line && qmp_hmp_releases(line)) {
			qmp_job_begin(&filter->job, QMP_RELEASE, message);
			return 0;
		}
		return send_command(filter, message, QMP_PASS, err);
	case QMP_LENDS:
	case QMP_RETURNS:
	case QMP_SAVES:
		return take_lending(filter, command, message, err);
	case QMP_WRITES:
	case QMP_OPENS:
	case QMP_RUNS:
	case QMP_RELEASE:
		qmp_job_begin(&filter->job, command->action, message);
		return 0;
	default:
		return send_command(filter, message, command->action, err);
	}
}

static json_t *parse(const struct buffer *text)
{
	return qmp_number_load(buffer_bytes(text), text->len);
}

static int take_client(struct qmp_filter *filter, const char *data, size_t len,
		       struct err *err)
{
	const char *why = "not JSON";
	int more = 0;

	while (filter->job.state == QMP_JOB_NONE && !filter->held_up &&
	       (more = qmp_split_next(&filter->from_client, &data, &len, &why)) == 1) {
		cleanup_json json_t *message = parse(&filter->from_client.text);

		if (!message) {
			more = -1;
			break;
		}
		if (take_command(filter, message, err) < 0)
			return -1;
	}
	if (more < 0) {
		cleanup_json json_t *reply =
			qmp_answer_refuse("%s: %s", "JSON parse error", why);

		if (!filter->greeted || emit(&filter->to_client, reply, err) == 0)
			err_set(err, ERR_USAGE, "QMP: the client sent %s", why);
		return -1;
	}
	if (len > 0 && buffer_append(&filter->held, data, len, OUT_MAX) < 0)
		return err_set(err, ERR_HOST, "QMP: too much is waiting to be read");
	return 0;
}

/* Sends what the job has for QEMU. */
static int send_step(struct qmp_filter *filter, struct err *err)
{
	json_t *message = filter->job.send;
	int rc;

	if (!message)
		return 0;
	filter->job.send = NULL;
	rc = send_command(filter, message, QMP_STEP, err);
	json_decref(message);
	return rc;
}

static void end_job(struct qmp_filter *filter)
{
	if (filter->shared && filter->shared->busy == filter)
		filter->shared->busy = NULL;
	qmp_job_free(&filter->job);
}

/* A job runs when everything before it is answered and no other client's job runs. */
static bool has_turn(const struct qmp_filter *filter)
{
	return filter->job.state == QMP_JOB_WAITS && !filter->first && filter->greeted &&
	       !filter->held_up && !filter->shared->busy;
}

bool qmp_filter_can_go_on(const struct qmp_filter *filter)
{
	return filter->job.send || filter->job.state == QMP_JOB_FINISHED ||
	       has_turn(filter) ||
	       (filter->job.state == QMP_JOB_NONE && filter->held.len > 0 &&
		!filter->held_up);
}

int qmp_filter_go_on(struct qmp_filter *filter, struct err *err)
{
	while (qmp_filter_can_go_on(filter)) {
		struct buffer held = filter->held;
		int rc = 0;

		if (filter->job.send) {
			rc = send_step(filter, err);
		} else if (filter->job.state == QMP_JOB_FINISHED) {
			rc = emit_reply(filter, json_incref(filter->job.answer),
					json_object_get(filter->job.message, "id"), err);
			end_job(filter);
		} else if (filter->job.state == QMP_JOB_WAITS) {
			filter->shared->busy = filter;
			qmp_job_start(&filter->job, filter->shared);
		} else {
			memset(&filter->held, 0, sizeof(filter->held));
			rc = take_client(filter, buffer_bytes(&held), held.len, err);
			buffer_free(&held);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

int qmp_filter_client(struct qmp_filter *filter, const char *data, size_t len,
		      struct err *err)
{
	if (take_client(filter, data, len, err) < 0)
		return -1;
	return qmp_filter_go_on(filter, err);
}

/* Once for a connection: a stub domain that lies fills no log. */
static void tell(struct qmp_filter *filter, const char *what, const char *name)
{
	if (!filter->told)
		log_warn("QMP: the stub domain's %s '%.64s' is none that its QEMU has",
			 what, name);
	filter->told = true;
}

static int take_greeting(struct qmp_filter *filter, const json_t *message,
			 struct err *err)
{
	cleanup_json json_t *greeting = qmp_answer_greeting(message);

	if (filter->greeted || !greeting)
		return err_set(err, ERR_STUB, "QMP: the stub domain %s",
			       greeting ? "greeted twice" : "greeted without a version");
	filter->greeted = true;
	if (!filter->shown && emit(&filter->to_client, greeting, err) < 0)
		return -1;
	filter->shown = true;
	if (emit_own(filter, err) < 0)
		return -1;
	return qmp_filter_go_on(filter, err);
}

static int take_event(struct qmp_filter *filter, const json_t *message, struct err *err)
{
	cleanup_json json_t *event = qmp_answer_event(filter->names, message);
	const char *name = json_string_value(json_object_get(message, "event"));

	if (event)
		return emit(&filter->to_client, event, err);
	tell(filter, "event", name ? name : "");
	return 0;
}

/* `message` in the client's terms; takes nothing. */
static json_t *make_reply(struct qmp_filter *filter, const struct qmp_pending *pending,
			  json_t *message)
{
	json_t *made;

	if (json_object_get(message, "error"))
		return qmp_answer_error(message);
	/*
	 * Our own question: the answer is searched for the disks in use, and for nothing
	 * else.
	 */
	if (pending->action == QMP_STEP &&
	    (filter->job.state == QMP_JOB_CHECKS || filter->job.state == QMP_JOB_FINDS))
		return json_incref(message);
	made = qmp_answer_return(filter->names, pending->name, pending->action, message);
	if (made)
		return made;
	tell(filter, "answer to", pending->name);
	return qmp_answer_refuse("%s: the stub domain's answer is %s", pending->name,
				 "none that its QEMU can give");
}

static int take_answer(struct qmp_filter *filter, json_t *message, struct err *err)
{
	const json_t *id = json_object_get(message, "id");
	struct qmp_pending *pending = filter->first;
	json_t *reply;
	int rc = 0;

	if (!pending)
		return err_set(err, ERR_STUB,
			       "QMP: the stub domain answered without being asked");
	if (!json_is_integer(id) || json_integer_value(id) != pending->id)
		return err_set(err, ERR_STUB,
			       "QMP: the stub domain answered another command than the "
			       "one whose turn it is");
	reply = make_reply(filter, pending, message);
	take_pending(filter);
	if (pending->action == QMP_STEP) {
		qmp_job_answer(&filter->job, filter->shared, reply);
		json_decref(reply);
	} else if (pending->action == QMP_RESUMES) {
		json_decref(reply);
	} else {
		filter->agreed |=
			pending->action == QMP_AGREES && json_object_get(reply, "return");
		rc = emit_reply(filter, reply, pending->client_id, err);
	}
	free_pending(pending);
	if (rc < 0 || emit_own(filter, err) < 0)
		return -1;
	return qmp_filter_go_on(filter, err);
}

static int take_message(struct qmp_filter *filter, json_t *message, struct err *err)
{
	enum qmp_message kind = qmp_answer_kind(message);

	if (kind == QMP_MESSAGE_BAD)
		return err_set(err, ERR_STUB,
			       "QMP: the stub domain sent a message that is not one of "
			       "greeting, event, return and error");
	if (kind == QMP_MESSAGE_GREETING)
		return take_greeting(filter, message, err);
	if (!filter->greeted)
		return err_set(err, ERR_STUB, "QMP: the stub domain did not greet first");
	return kind == QMP_MESSAGE_EVENT ? take_event(filter, message, err)
					 : take_answer(filter, message, err);
}

int qmp_filter_stub(struct qmp_filter *filter, const char *data, size_t len,
		    struct err *err)
{
	const char *why = "not JSON";
	int more;

	while ((more = qmp_split_next(&filter->from_stub, &data, &len, &why)) == 1) {
		cleanup_json json_t *message = parse(&filter->from_stub.text);

		if (!message)
			return err_set(err, ERR_STUB, "QMP: the stub domain sent %s",
				       why);
		if (take_message(filter, message, err) < 0)
			return -1;
	}
	if (more < 0)
		return err_set(err, ERR_STUB, "QMP: the stub domain sent %s", why);
	return 0;
}

static const char replaced[] = "the guest's QEMU was replaced by another meanwhile; look "
			       "at its state and ask again";

static int answer_pending(struct qmp_filter *filter, struct err *err)
{
	int rc = 0;

	while (filter->first && rc == 0) {
		struct qmp_pending *pending = take_pending(filter);
		json_t *reply =
			pending->reply
				? json_incref(pending->reply)
				: qmp_answer_refuse("%s: %s", pending->name, replaced);

		if (pending->action == QMP_STEP || pending->action == QMP_RESUMES)
			json_decref(reply);
		else
			rc = emit_reply(filter, reply, pending->client_id, err);
		free_pending(pending);
	}
	return rc;
}

/* As QEMU does when a guest goes on; the new one did so before it had a client. */
static int emit_resume(struct qmp_filter *filter, struct err *err)
{
	cleanup_json json_t *event = NULL;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	event = json_pack("{s:s, s:{s:I, s:I}}", "event", "RESUME", "timestamp",
			  "seconds", (json_int_t)now.tv_sec, "microseconds",
			  (json_int_t)now.tv_nsec / 1000);
	return emit(&filter->to_client, event, err);
}

int qmp_filter_switch(struct qmp_filter *filter, struct err *err)
{
	cleanup_json json_t *agree = json_pack("{s:s}", "execute", "qmp_capabilities");
	enum qmp_job_state job = filter->job.state;

	qmp_split_free(&filter->from_stub);
	buffer_free(&filter->to_stub);
	filter->greeted = false;
	if (answer_pending(filter, err) < 0)
		return -1;
	if (job != QMP_JOB_NONE && job != QMP_JOB_WAITS && job != QMP_JOB_FINISHED) {
		const json_t *id = json_object_get(filter->job.message, "id");

		if (emit_reply(filter, qmp_answer_refuse("%s%s", "", replaced),
			       (json_t *)id, err) < 0)
			return -1;
		end_job(filter);
	}
	if (!filter->agreed)
		return 0;
	if (emit_resume(filter, err) < 0)
		return -1;
	/* The first command of the new connection. */
	return send_command(filter, agree, QMP_RESUMES, err);
}

bool qmp_filter_client_full(const struct qmp_filter *filter)
{
	return filter->to_stub.len > FULL || filter->to_client.len > FULL ||
	       filter->job.state != QMP_JOB_NONE ||
	       filter->n_pending >= QMP_PENDING_MAX / 2;
}

bool qmp_filter_is_still(const struct qmp_filter *filter)
{
	for (const struct qmp_pending *p = filter->first; p; p = p->next) {
		if (!p->reply)
			return false;
	}
	return filter->to_stub.len == 0 &&
	       (filter->job.state == QMP_JOB_NONE || filter->job.state == QMP_JOB_WAITS);
}

bool qmp_filter_waits(const struct qmp_filter *filter)
{
	return !filter->greeted || (filter->first && !filter->first->reply);
}

void qmp_filter_free(struct qmp_filter *filter)
{
	while (filter->first)
		free_pending(take_pending(filter));
	end_job(filter);
	qmp_arrived_free(&filter->arrived);
	buffer_free(&filter->held);
	qmp_split_free(&filter->from_client);
	qmp_split_free(&filter->from_stub);
	buffer_free(&filter->to_client);
	buffer_free(&filter->to_stub);
}
