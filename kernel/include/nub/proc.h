/* SPDX-License-Identifier: MIT */
/* Texts of /proc, made when they are opened; each part of the kernel adds its own. */
#ifndef NUB_PROC_H
#define NUB_PROC_H

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
void proc_emit(struct text *t, const char *fmt, ...) __printf(2, 3);
/* Boot: adds /proc/<name> (name may hold '/'); only when memory lasts. */
void proc_text_add(const char *name, proc_generator gen);
/* Boot: /proc, and the file system's own files in it. */
void proc_init(void);

#endif
