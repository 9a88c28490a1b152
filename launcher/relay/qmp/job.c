/* SPDX-License-Identifier: MIT */
/* A QMP command that names something of dom0, on its way through its steps. */
#include "relay/qmp/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "relay/qmp/answer.h"

#define REMEDY "pass a descriptor of it with add-fd and name /dev/fdset/N"

int qmp_shared_add_disk(struct qmp_shared *shared, const char *name, const char *shown)
{
	struct qmp_media *media = &shared->media;
	struct qmp_medium *medium = &media->list[media->n];

	if (media->n == QMP_MEDIA_MAX || strlen(name) > QMP_DISK_NAME_MAX)
		return -1;
	strcpy(medium->name, name);
	strcpy(medium->shown, strlen(shown) <= QMP_SHOWN_MAX ? shown : "");
	media->n++;
	return 0;
}

void qmp_job_begin(struct qmp_job *job, enum qmp_action action, json_t *message)
{
	*job = (struct qmp_job){
		.state = QMP_JOB_WAITS,
		.fd = -1,
		.action = action,
		.message = json_incref(message),
		.places = json_array(),
	};
}

static void drop_need(struct qmp_job *job)
{
	job->need = QMP_NEED_NONE;
	job->asked = false;
	free(job->text);
	job->text = NULL;
}

static void drop_fd(struct qmp_job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	job->fd = -1;
}

void qmp_job_free(struct qmp_job *job)
{
	if (job->state == QMP_JOB_NONE)
		return;
	drop_need(job);
	drop_fd(job);
	json_decref(job->places);
	json_decref(job->message);
	json_decref(job->send);
	json_decref(job->answer);
	memset(job, 0, sizeof(*job));
	job->fd = -1;
}

static void need(struct qmp_job *job, enum qmp_need what, const char *text)
{
	drop_need(job);
	job->need = what;
	job->text = text ? strdup(text) : NULL;
}

static void finish(struct qmp_job *job)
{
	drop_need(job);
	drop_fd(job);
	job->state = QMP_JOB_FINISHED;
}

/* Our own error in place of QEMU's answer. */
static void fail(struct qmp_job *job, const char *name, const char *why)
{
	json_decref(job->answer);
	job->answer = qmp_answer_refuse("%s: %s", name, why);
}

static const char *name_of(const struct qmp_job *job)
{
	return json_string_value(json_object_get(job->message, "execute"));
}

static json_t *arguments_of(const struct qmp_job *job)
{
	return json_object_get(job->message, "arguments");
}

static void fail_and_finish(struct qmp_job *job, const char *why)
{
	fail(job, name_of(job), why);
	finish(job);
}

static void send(struct qmp_job *job)
{
	job->state = QMP_JOB_RUNS;
	job->send = json_incref(job->message);
}

/* Asks QEMU for the disks that it uses, if something could go. */
static void check(struct qmp_job *job, const struct qmp_shared *shared)
{
	if (shared->media.n == 0) {
		finish(job);
		return;
	}
	job->state = QMP_JOB_CHECKS;
	job->send = json_pack("{s:s, s:{s:b}}", "execute", "query-named-block-nodes",
			      "arguments", "flat", 1);
}

/* Objects with a file name, at any depth; those of fd sets and paths. */
static void find_places(json_t *value, json_t *places)
{
	json_t *child;
	const char *key;
	size_t i;

	if (json_is_string(json_object_get(value, "filename")))
		json_array_append(places, value);
	json_object_foreach(value, key, child)
		find_places(child, places);
	json_array_foreach(value, i, child)
		find_places(child, places);
}

static void name_file(struct qmp_job *job, json_t *place, const char *path)
{
	const char *driver = json_string_value(json_object_get(place, "driver"));

	json_object_set_new(place, "filename", json_string(path));
	if (job->action == QMP_OPENS && driver && strcmp(driver, "file") == 0)
		json_object_set_new(place, "driver", json_string("host_device"));
}

/* A disk for the next file name, or the command to QEMU when all have theirs. */
static void next_disk(struct qmp_job *job, const struct qmp_shared *shared)
{
	json_t *place = json_array_get(job->places, 0);
	const char *path = json_string_value(json_object_get(place, "filename"));
	struct err err;

	if (!place) {
		send(job);
		return;
	}
	if (!qmp_fds_is_path(path)) {
		fail(job, path,
		     "a file of dom0, which QEMU in its own domain cannot open; " REMEDY);
		check(job, shared);
		return;
	}
	job->fd = qmp_fds_open(&shared->fds, path, false, &err);
	if (job->fd < 0) {
		fail(job, name_of(job), err.msg);
		check(job, shared);
		return;
	}
	need(job, QMP_NEED_ATTACH, NULL);
}

static void start_writing(struct qmp_job *job, struct qmp_shared *shared)
{
	json_t *arguments = json_object_get(job->message, "arguments");
	const char *path = json_string_value(json_object_get(arguments, "filename"));
	json_int_t size = json_integer_value(json_object_get(arguments, "size"));
	struct err err;

	if (!path) {
		send(job); /* QEMU words the error */
		return;
	}
	if (!shared->save_path) {
		fail_and_finish(job, "there is no channel for files");
		return;
	}
	if (size < 0 || (uint64_t)size > QMP_SAVE_MAX) {
		fail_and_finish(job, "at most 8 MiB at a time, for the stub domain's "
				     "memory holds them on their way");
		return;
	}
	job->most = QMP_TAKE_MAX;
	if (!qmp_fds_is_path(path)) {
		fail_and_finish(job,
				"files of dom0 are not written by their names; " REMEDY);
		return;
	}
	job->fd = qmp_fds_open(&shared->fds, path, true, &err);
	if (job->fd < 0) {
		fail_and_finish(job, err.msg);
		return;
	}
	name_file(job, arguments, shared->save_path);
	send(job);
}

/* The command was looked at before the job began. */
static void start_growing(struct qmp_job *job)
{
	struct err ignored;

	qmp_grow_parse(name_of(job), json_object_get(job->message, "arguments"),
		       &job->grow, &ignored);
	job->state = QMP_JOB_FINDS;
	job->send = qmp_grow_query(&job->grow);
}

void qmp_job_start(struct qmp_job *job, struct qmp_shared *shared)
{
	job->state = QMP_JOB_RUNS;
	if (job->action == QMP_GROWS) {
		start_growing(job);
		return;
	}
	if (job->action == QMP_RUNS) {
		need(job, QMP_NEED_RUN, NULL);
		return;
	}
	if (job->action == QMP_WRITES) {
		start_writing(job, shared);
		return;
	}
	if (job->action == QMP_LENDS) {
		need(job, QMP_NEED_LEND, qmp_lent_wanted(arguments_of(job)));
		return;
	}
	if (job->action == QMP_RETURNS) {
		send(job);
		return;
	}
	if (job->action == QMP_OPENS)
		find_places(json_object_get(job->message, "arguments"), job->places);
	next_disk(job, shared);
}

bool qmp_job_saves_state(const struct qmp_job *job)
{
	const char *name = name_of(job);

	return name && strcmp(name, "xen-save-devices-state") == 0;
}

void qmp_job_saved(struct qmp_job *job, const char *why)
{
	if (why)
		fail(job, name_of(job), why);
	finish(job);
}

void qmp_job_attached(struct qmp_job *job, struct qmp_shared *shared, const char *name,
		      const char *why)
{
	json_t *place = json_array_get(job->places, 0);
	const char *shown = json_string_value(json_object_get(place, "filename"));
	char path[QMP_DISK_NAME_MAX + 8];

	drop_need(job);
	drop_fd(job);
	if (!why && qmp_shared_add_disk(shared, name, shown) < 0) {
		fail(job, name_of(job), "too many disks");
		json_array_clear(job->places);
		need(job, QMP_NEED_DETACH, name);
		return;
	}
	if (why) {
		fail(job, name_of(job), why);
		check(job, shared);
		return;
	}
	snprintf(path, sizeof(path), "/dev/%s", name);
	name_file(job, place, path);
	json_array_remove(job->places, 0);
	next_disk(job, shared);
}

/* The fault of a disk that QEMU does not know, in QEMU's words. */
static void take_found(struct qmp_job *job, const json_t *answer)
{
	char disk[QMP_DISK_NAME_MAX + 1];
	char text[64];

	if (!qmp_grow_find(&job->grow, answer, disk, sizeof(disk))) {
		send(job);
		return;
	}
	snprintf(text, sizeof(text), "%s %lld", disk, (long long)job->grow.size);
	job->state = QMP_JOB_RUNS;
	need(job, QMP_NEED_GROW, text);
}

void qmp_job_granted(struct qmp_job *job, const char *why)
{
	drop_need(job);
	if (why)
		fail_and_finish(job, why);
	else
		send(job);
}

/* Takes back what QEMU does not have. */
static void next_gone(struct qmp_job *job, const struct qmp_shared *shared)
{
	const char *gone = qmp_lent_gone(&shared->lent, job->answer);

	if (gone)
		need(job, QMP_NEED_RETURN, gone);
	else
		finish(job);
}

bool qmp_job_wants_lent(const struct qmp_job *job, const char *name)
{
	return job->asked && job->need == QMP_NEED_LEND && job->text &&
	       strcmp(job->text, name) == 0;
}

void qmp_job_lent(struct qmp_job *job, struct qmp_shared *shared, const char *why)
{
	drop_need(job);
	if (why) {
		fail_and_finish(job, why);
	} else if (qmp_lent_add(&shared->lent, arguments_of(job)) < 0) {
		fail(job, name_of(job), "too many PCI devices");
		need(job, QMP_NEED_RETURN, qmp_lent_wanted(arguments_of(job)));
	} else {
		send(job);
	}
}

void qmp_job_returned(struct qmp_job *job, struct qmp_shared *shared)
{
	qmp_lent_remove(&shared->lent, job->text ? job->text : "");
	drop_need(job);
	if (job->action == QMP_RETURNS)
		next_gone(job, shared);
	else
		finish(job);
}

void qmp_job_again(struct qmp_job *job)
{
	drop_need(job);
	send(job);
}

/* The device node, or its new length, may take a moment longer than dom0's part. */
static bool is_early(const struct qmp_job *job, const json_t *answer)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(answer, "error"), "desc"));

	/* HMP's errors are its answers. */
	if (!text)
		text = json_string_value(json_object_get(answer, "return"));
	if (!text || job->tries >= QMP_AGAIN_MAX)
		return false;
	if (job->action == QMP_GROWS)
		return strstr(text, "Cannot grow device files") != NULL;
	return job->action == QMP_OPENS && strstr(text, "/dev/xvd") &&
	       strstr(text, "No such file or directory");
}

/* "/dev/xvda" in a text that may have "/dev/xvdaa". */
static bool mentions(const char *text, const char *disk)
{
	char path[QMP_DISK_NAME_MAX + 8];
	size_t len = (size_t)snprintf(path, sizeof(path), "/dev/%s", disk);

	for (; (text = strstr(text, path)); text += len) {
		if (text[len] < 'a' || text[len] > 'z')
			return true;
	}
	return false;
}

/* Leaves in shared->media the used ones, puts the rest into job->places as names. */
static void sort_disks(struct qmp_job *job, struct qmp_shared *shared, const char *text)
{
	struct qmp_media *media = &shared->media;
	size_t kept = 0;

	json_array_clear(job->places);
	for (size_t i = 0; i < media->n; i++) {
		const char *name = media->list[i].name;

		if (mentions(text, name))
			media->list[kept++] = media->list[i];
		else
			json_array_append_new(job->places, json_string(name));
	}
	media->n = kept;
}

void qmp_job_detached(struct qmp_job *job, struct qmp_shared *shared)
{
	const char *name = json_string_value(json_array_get(job->places, 0));

	drop_need(job);
	if (!name) {
		finish(job);
		return;
	}
	need(job, QMP_NEED_DETACH, name);
	json_array_remove(job->places, 0);
}

static void take_check(struct qmp_job *job, struct qmp_shared *shared, json_t *answer)
{
	json_t *nodes = json_object_get(answer, "return");
	cleanup_free char *text = nodes ? json_dumps(nodes, JSON_COMPACT) : NULL;

	if (!text) {
		finish(job);
		return;
	}
	sort_disks(job, shared, text);
	qmp_job_detached(job, shared);
}

void qmp_job_answer(struct qmp_job *job, struct qmp_shared *shared, json_t *answer)
{
	if (job->state == QMP_JOB_CHECKS) {
		take_check(job, shared, answer);
		return;
	}
	if (job->state == QMP_JOB_FINDS) {
		take_found(job, answer);
		return;
	}
	if (is_early(job, answer)) {
		job->tries++;
		need(job, QMP_NEED_TIME, NULL);
		return;
	}
	job->answer = json_incref(answer);
	if (job->action == QMP_RETURNS) {
		next_gone(job, shared);
		return;
	}
	if (job->action == QMP_LENDS) {
		if (json_object_get(answer, "error"))
			need(job, QMP_NEED_RETURN, qmp_lent_wanted(arguments_of(job)));
		else
			finish(job);
		return;
	}
	if (job->action == QMP_WRITES) {
		if (json_object_get(answer, "return") && job->fd >= 0)
			need(job, QMP_NEED_SAVE, NULL);
		else
			finish(job);
		return;
	}
	if (job->action == QMP_GROWS || job->action == QMP_RUNS ||
	    (job->action == QMP_RELEASE && json_object_get(answer, "error")))
		finish(job);
	else
		check(job, shared);
}
