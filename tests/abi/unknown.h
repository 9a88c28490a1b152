/* SPDX-License-Identifier: MIT */
/* The rules of kernel/syscalls.tbl.  The table of them is compiled with the kernel's headers,
 * so nothing here is a type of theirs. */
#ifndef ABI_UNKNOWN_H
#define ABI_UNKNOWN_H

struct unknown_rule {
	const char *name; /* call and argument */
	int nr, arg;	  /* arg: from 0 */
	char kind;	  /* & = !, as in the table */
	int width;	  /* bits of the argument */
	int error;	  /* 0: others are ignored */
	/* The bits that are known (&, =) or refused (!). */
	unsigned long mask;
	unsigned n_values; /* =: the values that are known, without those bits */
	unsigned long values[32];
};

extern const struct unknown_rule unknown_rules[];
extern const unsigned unknown_count;

#endif
