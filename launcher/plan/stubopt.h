/* SPDX-License-Identifier: MIT */
/* Our own options: -stubdom key=value,... and the configuration files. */
#ifndef STUBDOM_STUBOPT_H
#define STUBDOM_STUBOPT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "log.h"
#include "plan/argv.h"
#include "plan/deprecation.h"

/* AUTO: nub in a PVH stub domain, linux in a PV one; stubopt_load leaves none. */
enum stubopt_kernel { STUBOPT_KERNEL_AUTO, STUBOPT_KERNEL_LINUX, STUBOPT_KERNEL_NUB };
enum stubopt_type { STUBOPT_TYPE_PVH, STUBOPT_TYPE_PV };

/* Owns its strings; stubopt_free releases them. */
struct stubopt {
	enum stubopt_kernel kernel;
	enum stubopt_type type;
	unsigned memory_mb; /* 0: work it out */
	unsigned vcpus;
	unsigned timeout_s;
	enum log_level log;
	char *backing;	/* directory; NULL: no backing files */
	char *image;	/* directory */
	char *topology; /* file; NULL: default wiring */
	char *backend;	/* domain of the interfaces' back ends; NULL: dom0 */
	/* One line for each old spelling that was met, for the log. */
	char **warnings;
	size_t n_warnings;
	const struct deprecation_table *deprecations;
};

/* The names that the command line and manifest.json use. */
const char *stubopt_kernel_name(enum stubopt_kernel kernel);
const char *stubopt_type_name(enum stubopt_type type);

void stubopt_init(struct stubopt *opt);

/* Takes one option.  ERR_USAGE: no such key, or not a value of its kind. */
int stubopt_set(struct stubopt *opt, const char *key, const char *value, struct err *err);

/* Takes one argument of -stubdom, "key=value,..."; later values win. */
int stubopt_set_argument(struct stubopt *opt, const char *text, struct err *err);

/*
 * Reads a configuration file, lines of `key = value`, '#' comments.  A file
 * that does not exist is no error.  Errors name file and line.
 */
int stubopt_read_file(struct stubopt *opt, const char *path, struct err *err);

/*
 * All of them in their order: the defaults, DIR/stubdom.conf,
 * DIR/guests/<name>.conf with the name of -name, and every -stubdom of the line.
 * Then the kernel is chosen.
 */
int stubopt_load(struct stubopt *opt, const char *dir, const struct args *args,
		 struct err *err);

void stubopt_free(struct stubopt *opt);

#endif
