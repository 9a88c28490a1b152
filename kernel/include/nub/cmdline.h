/* SPDX-License-Identifier: MIT */
/* The kernel command line: options are words, `name` or `name=value`. */
#ifndef NUB_CMDLINE_H
#define NUB_CMDLINE_H

#include <nub/types.h>

void cmdline_set(const char *s);
const char *cmdline_get(void);
/* Copies the value of `name` (or "" when it has none); false when absent. */
bool cmdline_option(const char *name, char *value, size_t size);
/* True if the comma list in `name=` holds `word`. */
bool cmdline_has_word(const char *name, const char *word);

#endif
