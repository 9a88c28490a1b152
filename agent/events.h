/* SPDX-License-Identifier: MIT */
/* QEMU's reports of disk errors, passed on to dom0. */
#ifndef AGENT_EVENTS_H
#define AGENT_EVENTS_H

#include <stddef.h>

/*
 * QEMU gets one QMP socket more, to which the agent is the client; it takes events only.
 * An error of a disk goes to the console, and to STUBDOM_XS_IO_ERROR until the guest goes
 * on. STOP alone is nobody's error: `xl save` causes it, too.
 */

/* QEMU's arguments for it, NULL-terminated. */
extern const char *const events_argv[];

/* Connects, once QEMU is there.  Without it there are no reports, and a line says so. */
void events_open(void);

/* -1: not connected. */
int events_fd(void);

/* When there is something to read. */
void events_read(void);

enum events_kind {
	EVENTS_NOTHING,
	EVENTS_RESUMED, /* the guest goes on */
	EVENTS_TOLD, /* an error that is the guest's; it may cause any number of them */
	EVENTS_STOPPED, /* an error that has stopped the guest, or its disk for good */
};

/* The report that one message of QEMU's makes, "" for none. */
enum events_kind events_word(const char *message, size_t len, char *text, size_t size);

/* One message of QEMU's is there. */
void events_take(const char *message, size_t len);

#endif
