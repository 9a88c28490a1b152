/* SPDX-License-Identifier: MIT */
/* A QMP command that names something of dom0, on its way through its steps. */
#ifndef STUBDOM_QMP_JOB_H
#define STUBDOM_QMP_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "relay/qmp/fds.h"
#include "relay/qmp/grow.h"
#include "relay/qmp/lent.h"
#include "relay/qmp/table.h"
#include "relay/qmp/vnc_password.h"
#include "relay/qmp/word.h"

/*
 *   a disk gets longer:  which is it?, need GROW, command (again for a while if QEMU
 *                        does not see it yet), answer
 *   QEMU writes a file:  command to QEMU with a path of its own, need SAVE, answer
 *   QEMU opens a disk:   need ATTACH, command to QEMU with the disk's name (again
 *                        for a while if it is not there yet), what is in use?,
 *                        need DETACH for each disk that is not, answer
 *   the guest is to run: need RUN, command, answer
 *   QEMU passes a PCI device through: need LEND, command, need RETURN if it fails, answer
 *   QEMU's PCI devices:  command, need RETURN for each that is gone, answer
 *   QEMU lets a disk go: command, what is in use?, need DETACH, answer
 *
 * A job only says what it needs; relay/job.h has the means, does it and reports.  Pure,
 * but for closing the descriptors it owns.
 */
enum qmp_need {
	QMP_NEED_NONE,
	QMP_NEED_SAVE,	 /* the stub domain's file into fd, `most` bytes at most;
			    then qmp_job_saved */
	QMP_NEED_ATTACH, /* a disk of the stub domain from fd; then qmp_job_attached */
	QMP_NEED_DETACH, /* take the disk `text` away; then qmp_job_detached */
	QMP_NEED_GROW,	 /* `text`: the disk and its new size, "xvda 1024", 0 for a
			  * snapshot; then qmp_job_granted */
	QMP_NEED_RUN,	 /* may the guest run? then qmp_job_granted */
	QMP_NEED_LEND,	 /* the PCI device `text`; then qmp_job_lent */
	QMP_NEED_RETURN, /* take it back; then qmp_job_returned */
	QMP_NEED_TIME,	 /* call qmp_job_again after QMP_AGAIN_MS */
};

enum {
	QMP_AGAIN_MS = 50,
	QMP_AGAIN_MAX = 100, /* times */
};

/* The largest file that QEMU may have to write in the stub domain's memory. */
#define QMP_SAVE_MAX ((uint64_t)8 * 1024 * 1024)
/* The most that is taken from it, for any claimed size. */
#define QMP_TAKE_MAX ((uint64_t)64 * 1024 * 1024)

/* Of all QMP connections of one QEMU; all zero but the first two is a fresh one. */
struct qmp_shared {
	const char *save_path; /* where QEMU is to write a file; NULL: nowhere */
	const char *machine;   /* noted behind a guest's state; NULL: nothing is */
	struct qmp_fds fds;
	struct vnc_password *vnc; /* NULL: the screen has none, or there is no screen */
	struct qmp_media media;
	struct qmp_lent lent;
	bool migrates;	  /* libxl has QEMU track what it writes to the guest's memory */
	const void *busy; /* the connection whose job runs: one at a time */
};

/*
 * Names a disk that may be taken away, and what its client called it ("": the plan has
 * it); -1: there is no room.
 */
int qmp_shared_add_disk(struct qmp_shared *shared, const char *name, const char *shown);

enum qmp_job_state {
	QMP_JOB_NONE,
	QMP_JOB_WAITS,	  /* for its turn */
	QMP_JOB_RUNS,	  /* `need`, or the command at QEMU */
	QMP_JOB_CHECKS,	  /* what is in use? */
	QMP_JOB_FINDS,	  /* which disk is it? */
	QMP_JOB_FINISHED, /* `answer` is for the client */
};

/* All zero is none. */
struct qmp_job {
	enum qmp_job_state state;
	enum qmp_need need;
	bool asked; /* the need is being served */
	int fd;	    /* -1 or the job's own */
	char *text;
	uint64_t most;
	json_t *send;	/* for QEMU now, without an id; taken by the caller */
	json_t *answer; /* without an id */

	enum qmp_action action;
	json_t *message;
	json_t *places; /* objects in message whose "filename" is yet to be a disk */
	unsigned tries;
	struct qmp_grow grow;
};

/* Takes a command over; it runs when qmp_job_start is called. */
void qmp_job_begin(struct qmp_job *job, enum qmp_action action, json_t *message);
void qmp_job_start(struct qmp_job *job, struct qmp_shared *shared);

/* QEMU's answer to the last command; in QMP_JOB_CHECKS as the stub domain gave it. */
void qmp_job_answer(struct qmp_job *job, struct qmp_shared *shared, json_t *answer);

/* Whether the file of QMP_NEED_SAVE is the guest's state, for the toolstack. */
bool qmp_job_saves_state(const struct qmp_job *job);

/* Reports.  `why` is NULL when it went well. */
void qmp_job_saved(struct qmp_job *job, const char *why);
void qmp_job_attached(struct qmp_job *job, struct qmp_shared *shared, const char *name,
		      const char *why);
void qmp_job_detached(struct qmp_job *job, struct qmp_shared *shared);
void qmp_job_granted(struct qmp_job *job, const char *why);
/* Whether it is the answer to this job: an earlier client's job may have asked, and gone. */
bool qmp_job_wants_lent(const struct qmp_job *job, const char *name);
void qmp_job_lent(struct qmp_job *job, struct qmp_shared *shared, const char *why);
void qmp_job_returned(struct qmp_job *job, struct qmp_shared *shared);
void qmp_job_again(struct qmp_job *job);

void qmp_job_free(struct qmp_job *job);

#endif
