/* SPDX-License-Identifier: MIT */
/* The embedded symbol table, for backtraces. */
#ifndef NUB_KSYMS_H
#define NUB_KSYMS_H

#include <nub/types.h>

/* Name of the function that holds addr and the offset in it; NULL if none does. */
const char *ksym_lookup(u64 addr, u64 *offset);

#endif
