/* SPDX-License-Identifier: MIT */
/* Inside fs/: the texts of /proc. */
#ifndef FS_PROC_H
#define FS_PROC_H

#include <nub/proc.h>

/* Takes a number or a name that was written: 0 or negative errno. */
typedef int (*proc_setter)(struct process *p, struct thread *m, const char *value);

struct proc_text {
	const char *name;
	proc_generator gen;
	proc_setter set; /* NULL: nobody may write */
};

/* Files of /proc/<pid>, and those of /proc that no other part adds; a NULL name ends each
 * list. */
#define PROC_PID_TEXTS 14
extern const struct proc_text proc_pid_texts[PROC_PID_TEXTS + 1], proc_system_texts[];

#endif
