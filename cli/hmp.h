/* SPDX-License-Identifier: MIT */
/* QEMU's human monitor by way of QMP's human-monitor-command. */
#ifndef STUBDOM_HMP_H
#define STUBDOM_HMP_H

#include <stddef.h>

#include "err.h"

/*
 * Runs one HMP command; *answer is its text, the caller's to free.  Each command
 * has a connection of its own, so that a monitor that is left open keeps nobody
 * else from the one QMP channel.
 */
int hmp_run(const char *socket_path, const char *command, char **answer, struct err *err);

/*
 * The words that HMP takes as commands, from its answer to "help": lines
 * "name|alias [arguments] -- text".  NULL-terminated; hmp_free_words releases it.
 * NULL: out of memory.
 */
char **hmp_command_words(const char *help);

void hmp_free_words(char **words);

/*
 * The longest common beginning of all words that begin with prefix, the caller's to free;
 * *n is how many there are.  NULL if there is none, or out of memory.
 */
char *hmp_complete(char *const words[], const char *prefix, size_t *n);

#endif
