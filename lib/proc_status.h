/* SPDX-License-Identifier: MIT */
/* Reads another process's privileges from /proc, and sets our own OOM score there. */
#ifndef STUBDOM_PROC_STATUS_H
#define STUBDOM_PROC_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_status {
	unsigned uid[4]; /* real, effective, saved, of the file system */
	unsigned gid[4];
	bool has_groups;
	uint64_t capabilities; /* of all five sets */
	unsigned no_new_privs;
	unsigned seccomp; /* 2: a filter */
};

/* -1 and errno: there is no such process, or a line is missing. */
int proc_status_read(pid_t pid, struct proc_status *out);

/*
 * Whether two processes have a namespace (a name in /proc/PID/ns) each of their own;
 * true if this kernel has none of that kind.  False also when it cannot be read.
 */
bool proc_namespaces_differ(pid_t a, pid_t b, const char *name);

/*
 * Sets when this process goes if dom0's memory runs out: -1000 (never) to 1000 (first).
 * A host that refuses decides by itself.
 */
void proc_set_oom_score(int score);

#endif
