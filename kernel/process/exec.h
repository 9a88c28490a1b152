/* SPDX-License-Identifier: MIT */
/* Exec's resets in other parts of a process. */
#ifndef FS_EXEC_H
#define FS_EXEC_H

struct process;

void ptimers_delete_all(struct process *p);

#endif
