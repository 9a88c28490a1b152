/* SPDX-License-Identifier: MIT */
/* QEMU's command line split into options and their values. */
#ifndef STUBDOM_ARGV_H
#define STUBDOM_ARGV_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "plan/options.h"

#define ARGV_MAX 4096
#define ARGV_BYTES_MAX (1 << 20)

struct arg {
	int index; /* of the option in argv */
	const struct qemu_option *option;
	const char *text;  /* as written, "-drive" */
	const char *value; /* NULL: it takes none */
};

/* Points into argv, which must outlive it. */
struct args {
	struct arg *list;
	size_t n;
};

/*
 * argv[0] is the program.  ERR_USAGE for an option that is not known, a value
 * that is missing, or text that is not UTF-8 (JSON could not carry it).
 */
int args_split(int argc, char *const argv[], struct args *out, struct err *err);

/*
 * The same for a line that this program only passes on.  An unknown option, a word that is
 * none and a missing value are left out.
 */
void args_split_known(int argc, char *const argv[], struct args *out);

/* Whether it is a -machine of that type. */
bool arg_is_machine(const struct arg *arg, const char *type);

/* Whether the line is a toolstack's probe: a machine of type none. */
bool args_is_probe(const struct args *args);

/* The first of that option; NULL: not there. */
const struct arg *args_find(const struct args *args, const char *name);

void args_free(struct args *args);

/* Puts "argument 7, '-drive ...': " before the message; returns -1. */
int arg_error(const struct arg *arg, struct err *err);

#endif
