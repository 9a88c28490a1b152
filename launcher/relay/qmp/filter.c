/* SPDX-License-Identifier: MIT */
/* A QMP connection between a client in dom0 and the QEMU of a stub domain. */
#include "relay/qmp/filter.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "relay/qmp/number.h"
#include "relay/qmp/table.h"

enum { OUT_MAX = 2 * QMP_MESSAGE_MAX, FULL = 256 * 1024 };

/* QEMU answers in the order of the commands; a refusal waits for its turn. */
struct qmp_pending {
	struct qmp_pending *next;
	enum qmp_action action;
	json_t *refusal; /* QMP_REFUSE: our own answer */
};

static int emit(struct buffer *out, const json_t *message, struct err *err)
{
	cleanup_free char *text = qmp_number_dump(message);

	if (!text || buffer_append(out, text, strlen(text), OUT_MAX) < 0 ||
	    buffer_append(out, "\r\n", 2, OUT_MAX) < 0)
		return err_set(err, ERR_HOST, "QMP: too much is waiting to be read");
	return 0;
}

/* Answers that are ours and whose turn it is. */
static int emit_refusals(struct qmp_filter *filter, struct err *err)
{
	while (filter->first && filter->first->refusal) {
		struct qmp_pending *pending = filter->first;
		int rc = emit(&filter->to_client, pending->refusal, err);

		filter->first = pending->next;
		filter->n_pending--;
		json_decref(pending->refusal);
		free(pending);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int add_pending(struct qmp_filter *filter, enum qmp_action action, json_t *refusal,
		       struct err *err)
{
	struct qmp_pending *pending = calloc(1, sizeof(*pending));

	if (!pending || filter->n_pending >= QMP_PENDING_MAX) {
		free(pending);
		json_decref(refusal);
		return err_set(err, ERR_USAGE, "QMP: over %d commands without an answer",
			       QMP_PENDING_MAX);
	}
	pending->action = action;
	pending->refusal = refusal;
	if (!filter->first)
		filter->last = &filter->first;
	*filter->last = pending;
	filter->last = &pending->next;
	filter->n_pending++;
	return 0;
}

static json_t *make_refusal(const json_t *command, const char *fmt, const char *name,
			    const char *why)
{
	json_t *id = json_object_get(command, "id");
	json_t *reply = json_pack("{s:{s:s, s:o}}", "error", "class", "GenericError",
				  "desc", json_sprintf(fmt, name, why));

	if (reply && id)
		json_object_set(reply, "id", id);
	return reply;
}

static int answer_here(struct qmp_filter *filter, json_t *reply, struct err *err)
{
	if (add_pending(filter, QMP_REFUSE, reply, err) < 0)
		return -1;
	return emit_refusals(filter, err);
}

static int take_fd_command(struct qmp_filter *filter, const char *name,
			   const json_t *message, struct err *err)
{
	json_t *id = json_object_get(message, "id");
	struct err why;
	json_t *value = qmp_fds_command(&filter->shared->fds, &filter->arrived, name,
					json_object_get(message, "arguments"), &why);
	json_t *reply;

	if (!value)
		return answer_here(filter, make_refusal(message, "%s: %s", name, why.msg),
				   err);
	reply = json_pack("{s:o}", "return", value);
	if (reply && id)
		json_object_set(reply, "id", id);
	return answer_here(filter, reply, err);
}

/* What is the relay's to answer: the password that it asks viewers for. 0: not this. */
static int take_vnc_command(struct qmp_filter *filter, const char *name,
			    const json_t *message, struct err *err)
{
	struct vnc_password *vnc = filter->shared ? filter->shared->vnc : NULL;
	json_t *id = json_object_get(message, "id");
	json_t *reply, *value;
	struct err why;

	if (!name || !vnc)
		return 0;
	value = vnc_password_command(vnc, name, json_object_get(message, "arguments"),
				     vnc_password_now(), &why);
	if (!value && !why.msg[0])
		return 0;
	reply = value ? json_pack("{s:o}", "return", value)
		      : make_refusal(message, "%s: %s", name, why.msg);
	if (value && id)
		json_object_set(reply, "id", id);
	return answer_here(filter, reply, err) < 0 ? -1 : 1;
}

static int take_command(struct qmp_filter *filter, json_t *message, struct err *err)
{
	const char *name = json_string_value(json_object_get(message, "execute"));
	const struct qmp_command *command;
	int rc;

	if (json_object_get(message, "exec-oob"))
		return answer_here(filter,
				   make_refusal(message, "%s: %s", "exec-oob",
						"out-of-band commands are not offered"),
				   err);
	rc = take_vnc_command(filter, name, message, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	/* Without a name QEMU itself words the error. */
	command = qmp_table_find(name ? name : "");
	switch (command->action) {
	case QMP_REFUSE:
		return answer_here(filter,
				   make_refusal(message, "%s cannot be carried: %s", name,
						command->why),
				   err);
	case QMP_FDS:
		return take_fd_command(filter, name, message, err);
	case QMP_WRITES:
	case QMP_OPENS:
	case QMP_RELEASE:
		qmp_job_begin(&filter->job, command->action, message);
		return 0;
	default:
		break;
	}
	if (add_pending(filter, command->action, NULL, err) < 0)
		return -1;
	return emit(&filter->to_stub, message, err);
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

	while (filter->job.state == QMP_JOB_NONE &&
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
			make_refusal(NULL, "%s: %s", "JSON parse error", why);

		if (emit(&filter->to_client, reply, err) == 0)
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
	rc = add_pending(filter, QMP_STEP, NULL, err);
	if (rc == 0)
		rc = emit(&filter->to_stub, message, err);
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
	return filter->job.state == QMP_JOB_WAITS && !filter->first &&
	       !filter->shared->busy;
}

bool qmp_filter_can_go_on(const struct qmp_filter *filter)
{
	return filter->job.send || filter->job.state == QMP_JOB_FINISHED ||
	       has_turn(filter) ||
	       (filter->job.state == QMP_JOB_NONE && filter->held.len > 0);
}

int qmp_filter_go_on(struct qmp_filter *filter, struct err *err)
{
	while (qmp_filter_can_go_on(filter)) {
		struct buffer held = filter->held;
		int rc = 0;

		if (filter->job.send) {
			rc = send_step(filter, err);
		} else if (filter->job.state == QMP_JOB_FINISHED) {
			rc = emit(&filter->to_client, filter->job.answer, err);
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

static const char *find_filename(const struct qmp_names *names, const char *label)
{
	for (size_t i = 0; label && i < names->n_chardevs; i++) {
		if (strcmp(names->chardevs[i].label, label) == 0)
			return names->chardevs[i].filename;
	}
	return NULL;
}

/*
 * libxl stores the names of ptys in xenstore, and `xl console` opens them: only
 * devices of the plan stay, with the names they have in dom0.
 */
static void translate_chardevs(const struct qmp_names *names, json_t *message)
{
	json_t *list = json_object_get(message, "return");
	json_t *kept = json_array();

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);
		const char *label = json_string_value(json_object_get(item, "label"));
		const char *filename = find_filename(names, label);

		if (!filename)
			continue;
		json_array_append_new(
			kept,
			json_pack("{s:s, s:s, s:b}", "label", label, "filename", filename,
				  "frontend-open",
				  json_is_true(json_object_get(item, "frontend-open"))));
	}
	json_object_set_new(message, "return", kept);
}

static void translate_vnc(const struct qmp_names *names, bool password, json_t *message)
{
	json_t *answer = json_object_get(message, "return");

	if (!json_is_object(answer))
		return;
	if (!names->vnc_host) {
		json_object_set_new(message, "return", json_pack("{s:b}", "enabled", 0));
		return;
	}
	json_object_set_new(answer, "host", json_string(names->vnc_host));
	json_object_set_new(answer, "service", json_string(names->vnc_service));
	json_object_set_new(answer, "family", json_string("ipv4"));
	if (password)
		json_object_set_new(answer, "auth", json_string("vnc"));
}

/* The one greeting and the events belong to no command. */
static int take_answer(struct qmp_filter *filter, json_t *message, struct err *err)
{
	struct qmp_pending *pending = filter->first;
	json_t *greeting = json_object_get(message, "QMP");
	bool step;

	if (greeting) {
		/* Out-of-band commands would overtake; they are not offered. */
		if (json_is_object(greeting))
			json_object_set_new(greeting, "capabilities", json_array());
		return emit(&filter->to_client, message, err);
	}
	if (json_object_get(message, "event"))
		return emit(&filter->to_client, message, err);
	if (!pending)
		return err_set(err, ERR_STUB,
			       "QMP: the stub domain answered without being asked");
	if (json_object_get(message, "return")) {
		if (pending->action == QMP_ANSWER_CHARDEV)
			translate_chardevs(filter->names, message);
		else if (pending->action == QMP_ANSWER_VNC)
			translate_vnc(filter->names,
				      filter->shared && filter->shared->vnc, message);
	}
	step = pending->action == QMP_STEP;
	filter->first = pending->next;
	filter->n_pending--;
	free(pending);
	if (step) {
		qmp_job_answer(&filter->job, filter->shared, message);
		return qmp_filter_go_on(filter, err);
	}
	if (emit(&filter->to_client, message, err) < 0 || emit_refusals(filter, err) < 0)
		return -1;
	return qmp_filter_go_on(filter, err);
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
		if (take_answer(filter, message, err) < 0)
			return -1;
	}
	if (more < 0)
		return err_set(err, ERR_STUB, "QMP: the stub domain sent %s", why);
	return 0;
}

bool qmp_filter_client_full(const struct qmp_filter *filter)
{
	return filter->to_stub.len > FULL || filter->to_client.len > FULL ||
	       filter->job.state != QMP_JOB_NONE ||
	       filter->n_pending >= QMP_PENDING_MAX / 2;
}

void qmp_filter_free(struct qmp_filter *filter)
{
	while (filter->first) {
		struct qmp_pending *next = filter->first->next;

		json_decref(filter->first->refusal);
		free(filter->first);
		filter->first = next;
	}
	end_job(filter);
	qmp_arrived_free(&filter->arrived);
	buffer_free(&filter->held);
	qmp_split_free(&filter->from_client);
	qmp_split_free(&filter->from_stub);
	buffer_free(&filter->to_client);
	buffer_free(&filter->to_stub);
	filter->n_pending = 0;
}
