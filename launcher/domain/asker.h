/* SPDX-License-Identifier: MIT */
/* Talks to the QEMU of a guest, from a process without rights. */
#ifndef STUBDOM_DOMAIN_ASKER_H
#define STUBDOM_DOMAIN_ASKER_H

#include <libxl.h>
#include <stdint.h>
#include <sys/types.h>

#include "domain/replace_gone.h"
#include "err.h"
#include "plan/plan.h"

/*
 * The launcher serves the relay while QEMU answers, so it cannot wait for an answer
 * itself.  The child connects to our own QMP socket of the guest and then gives up root.
 * Its words are read with a bound.  They are shown to people, and leave out arguments of
 * the new QEMU, which has the same guest.
 */
struct asker {
	pid_t pid;	/* 0: none */
	int fd;		/* SOCK_SEQPACKET to it; -1: none */
	uint32_t asked; /* the number of the latest step */
};

/* QEMU may have to wait for a slow disk before it goes on. */
enum { ASKER_BACK_MS = 60000 };

enum asker_step {
	ASKER_GREET, /* at a start: QEMU answers */
	ASKER_LOOK,  /* does the guest run, and with which of its emulated devices? */
	ASKER_SAVE,  /* the guest is paused: QEMU stops and saves into the descriptor */
	ASKER_BACK,  /* QEMU goes on */
};

struct asker_about {
	const struct plan *plan; /* with the media of now */
	int state_fd;		 /* where QEMU saves; stays the caller's */
	unsigned vcpus;		 /* of the guest */
	uid_t uid;		 /* of the child */
	int greet_ms;		 /* for the first answer */
};

int asker_start(struct asker *asker, const struct asker_about *about, libxl_ctx *libxl,
		struct err *err);

/* Begins a step; the answer comes on fd.  -1: the child is gone, and fd is -1. */
int asker_ask(struct asker *asker, enum asker_step step, struct err *err);

/*
 * The answer, once fd is readable: -1 and why if the step failed or the child is gone (fd
 * is -1 then).
 * 1: it is the late one to an earlier step.  gone is of an ASKER_LOOK that went well.
 */
int asker_hear(struct asker *asker, struct replace_gone *gone, struct err *err);

void asker_stop(struct asker *asker);

#endif
