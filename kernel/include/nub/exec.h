/* SPDX-License-Identifier: MIT */
/* Program loading. */
#ifndef NUB_EXEC_H
#define NUB_EXEC_H

#include <nub/types.h>

/* Strings of argv and envp, copied into the kernel: NUL-terminated, back to back. */
struct exec_strings {
	char *buf;
	size_t used, room;
	unsigned argc, envc;
};

int exec_strings_add(struct exec_strings *s, const char *str, size_t len);
void exec_strings_free(struct exec_strings *s);
/* Whether path names something that could be run: 0 or negative errno. */
int exec_check(const char *path);
/* Replaces the current process's program; frees nothing of `s`. 0 or negative errno;
 * past the point of no return a failure ends the process. */
int exec_load(const char *path, struct exec_strings *s);

#endif
