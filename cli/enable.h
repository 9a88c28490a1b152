/* SPDX-License-Identifier: MIT */
/* Puts stubdom-select at the path of Debian's QEMU, and takes it away again. */
#ifndef STUBDOM_ENABLE_H
#define STUBDOM_ENABLE_H

#include "err.h"

/* Tests have files of their own. */
struct enable_paths {
	const char *path;     /* of Debian's QEMU, what libxl starts */
	const char *diverted; /* the same file while it is diverted */
	const char *select;   /* our program */
	const char *divert;   /* dpkg-divert, found on PATH */
};

extern const struct enable_paths enable_host;

enum enable_state {
	ENABLE_OFF,  /* the path is QEMU's */
	ENABLE_ON,   /* the path is ours, and dpkg knows where QEMU is */
	ENABLE_HALF, /* something stopped half-way: enable and disable both repair it */
	ENABLE_LOST, /* the path is ours and QEMU is nowhere: its package is not installed */
	ENABLE_FOREIGN, /* dpkg diverts the path for somebody else */
	ENABLE_NO_DPKG, /* no dpkg-divert: this is no Debian */
};

/* Finds out.  -1: ERR_HOST. */
int enable_look(const struct enable_paths *paths, enum enable_state *state,
		struct err *err);

/* A sentence for people. */
const char *enable_state_text(enum enable_state state);

/* One word for programs: "off", "on", "half", "lost", "foreign", "no-dpkg". */
const char *enable_state_name(enum enable_state state);

/*
 * There is a program at the path at each moment, and a failure takes back what was done.
 * Already on, or nothing of ours to take away, is no error.  ERR_HOST.
 */
int enable_on(const struct enable_paths *paths, struct err *err);
int enable_off(const struct enable_paths *paths, struct err *err);

#endif
