/* SPDX-License-Identifier: MIT */
/* Serves the needs of QMP jobs: by the launcher, and by the save channel. */
#include "relay/job.h"

#include <stdio.h>
#include <unistd.h>

#include "check/state_note.h"
#include "log.h"

static int ask(int control, enum relay_msg_type type, uint32_t index, const char *text,
	       int fd)
{
	struct relay_msg msg = {.type = type, .channel = index};

	if (text &&
	    (size_t)snprintf(msg.text, sizeof(msg.text), "%s", text) >= sizeof(msg.text))
		msg.text[0] = '\0'; /* refused as no name at all */
	return relay_msg_send(control, &msg, &fd, fd >= 0 ? 1 : 0);
}

static void add_note(struct relay_save *save, const char *machine)
{
	char note[STATE_NOTE_MAX];

	relay_save_add(save, note, state_note_make(machine, note));
}

/* The stub domain's file goes into the job's descriptor; one job runs at a time. */
static void serve_save(struct qmp_job *job, struct relay_channel *save,
		       const char *machine)
{
	if (!save) {
		qmp_job_saved(job, "there is no channel for files");
		return;
	}
	if (!job->asked) {
		relay_save_start(&save->save, job->fd, job->most);
		job->asked = true;
	}
	if (save->save.done) {
		if (machine && qmp_job_saves_state(job))
			add_note(&save->save, machine);
		relay_save_stop(&save->save);
		qmp_job_saved(job, save->save.failed ? save->save.why : NULL);
	}
}

int relay_job_serve(struct relay_channel *channel, uint32_t index, int control,
		    struct relay_channel *save, int64_t now_ms)
{
	struct qmp_job *job = &channel->qmp.job;
	int rc = 0;

	if (job->state == QMP_JOB_NONE)
		return 0;
	if (job->need == QMP_NEED_SAVE) {
		serve_save(job, save, channel->shared->machine);
	} else if (job->need == QMP_NEED_TIME) {
		if (!job->asked)
			channel->again_ms = now_ms + QMP_AGAIN_MS;
		job->asked = true;
		if (now_ms >= channel->again_ms)
			qmp_job_again(job);
	} else if (!job->asked && job->need != QMP_NEED_NONE) {
		job->asked = true;
		if (job->need == QMP_NEED_ATTACH)
			rc = ask(control, RELAY_ATTACH, index, NULL, job->fd);
		else if (job->need == QMP_NEED_GROW)
			rc = ask(control, RELAY_GROW, index, job->text, -1);
		else if (job->need == QMP_NEED_RUN)
			rc = ask(control, RELAY_RUN, index, NULL, -1);
		else if (job->need == QMP_NEED_LEND)
			rc = ask(control, RELAY_LEND, index, job->text, -1);
		else if (job->need == QMP_NEED_RETURN)
			rc = ask(control, RELAY_RETURN, index, job->text, -1);
		else
			rc = ask(control, RELAY_DETACH, index, job->text, -1);
	}
	if (qmp_filter_can_go_on(&channel->qmp))
		channel->busy = true;
	return rc;
}

void relay_job_hear(struct relay_channel *channel, uint32_t index, int control,
		    const struct relay_msg *msg, int fd)
{
	struct qmp_job *job = &channel->qmp.job;
	const char *why = msg->code ? msg->text : NULL;
	enum qmp_need need = job->asked ? job->need : QMP_NEED_NONE;

	channel->busy = true;
	if (msg->type == RELAY_ATTACH && need == QMP_NEED_ATTACH) {
		qmp_job_attached(job, channel->shared, msg->text, why);
	} else if (msg->type == RELAY_DETACH && need == QMP_NEED_DETACH) {
		qmp_job_detached(job, channel->shared);
	} else if ((msg->type == RELAY_GROW && need == QMP_NEED_GROW) ||
		   (msg->type == RELAY_RUN && need == QMP_NEED_RUN)) {
		qmp_job_granted(job, why);
	} else if (msg->type == RELAY_LEND && need == QMP_NEED_LEND &&
		   (why || qmp_job_wants_lent(job, msg->text))) {
		qmp_job_lent(job, channel->shared, why);
	} else if (msg->type == RELAY_RETURN && need == QMP_NEED_RETURN) {
		qmp_job_returned(job, channel->shared);
	} else if (msg->type == RELAY_ATTACH && !why) {
		/* The client went meanwhile: nobody will use the disk. */
		ask(control, RELAY_DETACH, index, msg->text, -1);
	} else if (msg->type == RELAY_LEND && !why &&
		   !qmp_lent_has(&channel->shared->lent, msg->text)) {
		ask(control, RELAY_RETURN, index, msg->text, -1);
	}
	if (fd >= 0)
		close(fd);
}
