/* SPDX-License-Identifier: MIT */
/* The messages between the launcher and its relay, over a SOCK_SEQPACKET pair. */
#ifndef STUBDOM_RELAY_MSG_H
#define STUBDOM_RELAY_MSG_H

#include <stdint.h>
#include <sys/types.h>

#include "vchan_stream.h"

/* Of RELAY_SILENT.  Before libxl gives up, which is after 10 s (LIBXL_QMP_CMD_TIMEOUT). */
enum { SILENCE_MS = 8000 };

enum relay_msg_type {
	/* launcher to relay */
	RELAY_GO,      /* open the endpoints, then give up all privileges */
	RELAY_OFFER,   /* channel, offer; fds: grant, event */
	RELAY_CONSOLE, /* fd: the stub domain's console */
	RELAY_DIALLED, /* channel; fd: a socket that connects; none: it failed */
	/*
	 * fd: QEMU's saved state, for the stub domain that is to take over.  It goes there
	 * over a channel that the plan does not have, the one after its last.
	 */
	RELAY_STATE,
	/*
	 * code 1: no command of a client leaves for QEMU, but on `channel`, and no word of
	 * a viewer, until code 0.  Each command that has left gets its answer; then the
	 * relay says RELAY_HELD.
	 */
	RELAY_HOLD,
	/*
	 * The connections to the stub domain end, a screen's with the message at hand:
	 * another has taken over.  fd: the schema of
	 * its QEMU (plan/handover.h).
	 */
	RELAY_SWITCH,
	RELAY_LEFT, /* it has ended: a port's connection to it may not have */
	/* relay to launcher: it is the less trusted side, check its words */
	/*
	 * Every endpoint is open, no privileges are left.  code: Landlock's version.  text:
	 * the ptys of the guest's channel= devices, "LABEL /dev/pts/N", a line each.
	 */
	RELAY_READY,
	RELAY_FAILED, /* code, text: nothing was left open */
	RELAY_HELD,   /* after RELAY_HOLD: QEMU owes no client an answer */
	RELAY_WANT,   /* channel: a connection to the stub domain is wanted */
	RELAY_SILENT, /* channel; code 1: a client's QMP command waited SILENCE_MS more; 0: QEMU answers */
	RELAY_DIAL, /* channel: its *-connect endpoint is to be connected again */
	/*
	 * relay to launcher, for a QMP command on `channel`.  The answer is a message of
	 * the same type and channel: `code` is 0, or `text` says why not.
	 */
	RELAY_ATTACH, /* fd: of a disk.  Answer: text, the stub domain's name of it */
	RELAY_DETACH, /* text: a disk that QEMU has let go */
	RELAY_GROW,   /* text: a disk that has to be longer, and for what (qmp/job.h) */
	RELAY_RUN,    /* the guest is to run: may it? */
	RELAY_MIGRATES, /* code: 1, a live migration of the guest has begun; 0: it is over */
	/* Text of both: "dddd:bb:ss.f". */
	RELAY_LEND, /* a PCI device that QEMU is to pass through.  Answer: text, the same */
	RELAY_RETURN, /* one that QEMU has let go */
};

struct relay_msg {
	uint32_t type;
	uint32_t channel;
	int32_t code;
	struct vchan_offer offer; /* its descriptors travel beside it */
	char text[900];
};

enum { RELAY_FDS_MAX = 2 };

/* -1 and errno: the other side is gone. */
int relay_msg_send(int socket, const struct relay_msg *msg, const int *fds, int n_fds);

/*
 * 1: a message; fds[] holds the descriptors that came, -1 for none, and they are the
 * caller's.  0: none waits (the socket must be non-blocking or polled).  -1: the other
 * side is gone, or sent no message.
 */
int relay_msg_receive(int socket, struct relay_msg *msg, int fds[RELAY_FDS_MAX]);

#endif
