/* SPDX-License-Identifier: MIT */
/* A replacement that is under way, and its waits, in which the relay is served. */
#ifndef STUBDOM_DOMAIN_REPLACE_STATE_H
#define STUBDOM_DOMAIN_REPLACE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "domain/asker.h"
#include "domain/nodes.h"
#include "domain/replace_gone.h"
#include "domain/replace_medium.h"
#include "domain/replace_new.h"
#include "domain/requests.h"
#include "domain/watch.h"

/* Of STUBDOM_REPLACE_PHASES. */
enum replace_phase {
	PHASE_CHECK,
	PHASE_BUILD,
	PHASE_BOOT,
	PHASE_SAVE,
	PHASE_LOAD,
	PHASE_SWITCH,
	PHASE_END,
	PHASES
};

struct replace {
	struct domain_watch *watch;
	struct domain_channels *channels;
	struct domain_nodes *nodes;
	struct replace_new next;
	struct asker asker;
	struct replace_medium now; /* the plan, with the media of now */
	struct replace_gone gone;  /* of the old QEMU's devices, by its latest answer */
	unsigned changes;	   /* of its media, when `now` was made */
	int state_fd;
	off_t state_bytes;
	char number[24]; /* of the request */
	struct replace_wish wish;
	enum replace_phase phase;
	int64_t entered_ms; /* the phase */
	int64_t ms[PHASES]; /* each took */
	int64_t paused_ms;  /* when the guest was; 0: it was not */
	int64_t serve_ms;   /* when the relay's wishes are looked at again */
	bool in_step;	    /* of the child, which is heard only then: it may have died */
	bool asked_hold;
	bool asked_save;
	bool gave_state;
	bool goes_back; /* the old QEMU is to go on */
};

const char *replace_phase_name(enum replace_phase phase);

/* Writes a fact of the guest's; a failure is a line in the log. */
void replace_say(const struct replace *r, const char *node, const char *text);

/* The next phase begins; PHASES: there is none. */
void replace_enter(struct replace *r, enum replace_phase phase);

/* That of the guest: the new one once it is adopted. */
bool replace_stub_lives(const struct replace *r);

enum domain_life replace_guest_life(const struct replace *r);

/*
 * One round of what goes on meanwhile.  1: the child has something to say about its step,
 * or has died in it.  -1: the time is over, or the guest, or what the replacement needs.
 * `until`: of the monotonic clock, in ms.
 */
int replace_serve(struct replace *r, int64_t until, struct err *err);

/*
 * Commands of QMP and HMP clients wait in the relay from now on; those that QEMU has got
 * are answered.  ERR_GUEST: one still is not.
 */
int replace_hold(struct replace *r, int64_t until, struct err *err);

/* They go on, to the QEMU that serves now.  Without a replace_hold nothing happens. */
void replace_let_go(struct replace *r);

/* The process that asks the old QEMU; `now` and state_fd are set. */
int replace_start_child(struct replace *r, struct err *err);

/* ASKER_BACK, and by another child if that one has died. */
int replace_resume_old(struct replace *r, int64_t until, struct err *err);

/* A step of the old QEMU's, to its end. */
int replace_run_step(struct replace *r, enum asker_step step, int64_t until,
		     struct err *err);

/* The new stub domain's word, which reaches `wanted` or names an error. */
int replace_wait_stage(struct replace *r, const char *wanted, int64_t until,
		       struct err *err);

#endif
