/* SPDX-License-Identifier: MIT */
/* Inside fs/: the texts of /proc. */
#ifndef FS_PROC_H
#define FS_PROC_H

#include <nub/types.h>

struct process;

struct text {
	char *buf;
	size_t used, room;
};

/* Writes the text; p is NULL for a file of the whole system. Short when memory is. */
typedef void (*proc_generator)(struct text *t, struct process *p);

struct proc_text {
	const char *name;
	proc_generator gen;
};

/* Files of /proc/<pid> and of /proc; a NULL name ends each list. */
#define PROC_PID_TEXTS 14
extern const struct proc_text proc_pid_texts[PROC_PID_TEXTS + 1], proc_system_texts[];

#endif
