/* SPDX-License-Identifier: MIT */
/* QEMU's command line split into options and their values. */
#ifndef STUBDOM_ARGV_H
#define STUBDOM_ARGV_H

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

/* The first of that option; NULL: not there. */
const struct arg *args_find(const struct args *args, const char *name);

void args_free(struct args *args);

/* Puts "argument 7, '-drive ...': " before the message; returns -1. */
int arg_error(const struct arg *arg, struct err *err);

#endif
