/* SPDX-License-Identifier: MIT */
/* Inside fs/: the texts of /proc. */
#ifndef FS_PROC_H
#define FS_PROC_H

#include <nub/types.h>

struct process;
struct thread;

struct text {
	char *buf;
	size_t used, room;
};

/* Writes the text. p is NULL for a file of the whole system. m, the thread that the
 * folder is of, is NULL for a zombie, which has no memory either. Short when memory
 * is. */
typedef void (*proc_generator)(struct text *t, struct process *p, const struct thread *m);
/* Takes a number or a name that was written: 0 or negative errno. */
typedef int (*proc_setter)(struct process *p, struct thread *m, const char *value);

struct proc_text {
	const char *name;
	proc_generator gen;
	proc_setter set; /* NULL: nobody may write */
};

/* Files of /proc/<pid> and of /proc; a NULL name ends each list. */
#define PROC_PID_TEXTS 14
extern const struct proc_text proc_pid_texts[PROC_PID_TEXTS + 1], proc_system_texts[];

#endif
