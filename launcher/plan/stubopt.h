/* SPDX-License-Identifier: MIT */
/* Our own options: -stubdom key=value,... and the configuration files. */
#ifndef STUBDOM_STUBOPT_H
#define STUBDOM_STUBOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"
#include "log.h"
#include "plan/argv.h"
#include "plan/deprecation.h"

/* AUTO: nub in a PVH stub domain, linux in a PV one; stubopt_load leaves none. */
enum stubopt_kernel { STUBOPT_KERNEL_AUTO, STUBOPT_KERNEL_LINUX, STUBOPT_KERNEL_NUB };
enum stubopt_type { STUBOPT_TYPE_PVH, STUBOPT_TYPE_PV };
/* Of a guest that does not name its device model itself (plan/select.h). */
enum stubopt_model { STUBOPT_MODEL_STUBDOM, STUBOPT_MODEL_DOM0 };
/* The fate of a guest whose stub domain has died under it. */
enum stubopt_on_crash {
	STUBOPT_ON_CRASH_LEAVE,
	STUBOPT_ON_CRASH_PAUSE,
	STUBOPT_ON_CRASH_DESTROY,
	STUBOPT_ON_CRASH_RESTART,
};

/* A running guest whose image is older than the one that it would get now. */
enum stubopt_replace {
	STUBOPT_REPLACE_OFFER,
	STUBOPT_REPLACE_NEVER,
	STUBOPT_REPLACE_AUTO,
};

/* The bounds of memory= and vcpus=. */
enum {
	STUBOPT_MEMORY_MIN_MB = 32,
	STUBOPT_MEMORY_MAX_MB = 1 << 20,
	STUBOPT_VCPUS_MAX = 64,
};

/* Owns its strings; stubopt_free releases them. */
struct stubopt {
	enum stubopt_kernel kernel;
	enum stubopt_type type;
	enum stubopt_model device_model;
	enum stubopt_on_crash on_crash;
	enum stubopt_replace replace;
	unsigned memory_mb; /* 0: work it out */
	unsigned vcpus;
	unsigned timeout_s;
	unsigned core;		   /* 1: a dead stub domain's memory is kept */
	unsigned silence_max_s;	   /* 0: no bound */
	unsigned weight;	   /* of Xen's credit schedulers; STUBOPT_AS_GUEST */
	unsigned cap;		   /* percent of a CPU, 0: none; STUBOPT_AS_GUEST */
	unsigned uid_base;	   /* the relay of domain N is user uid_base + N */
	unsigned container_max_mb; /* 0: twice what the header asked for at first */
	enum log_level log;
	char *backing;	/* directory; NULL: no backing files */
	char *image;	/* directory */
	char *topology; /* file; NULL: default wiring */
	char *cpupool;	/* NULL: the guest's */
	char *seclabel; /* of XSM/FLASK; NULL: Xen's default */
	char *cpus;	/* plan/cpus.h; NULL: the guest's, if the pool is */
	char *backend;	/* domain of the interfaces' back ends; NULL: dom0 */
	/* One line for each old spelling that was met, for the log. */
	char **warnings;
	size_t n_warnings;
	const struct deprecation_table *deprecations;
};

/* A number that was not said. */
#define STUBOPT_AS_GUEST (~0u)

/*
 * Above the numbers of systemd's containers, of adduser and subuid(5), and the default
 * ones of SSSD and FreeIPA (2000200000).  Below systemd's range for files of others
 * (2147352576).
 */
#define STUBOPT_UID_BASE 2130706432u

/* The names that the command line and manifest.json use. */
const char *stubopt_kernel_name(enum stubopt_kernel kernel);
const char *stubopt_type_name(enum stubopt_type type);
const char *stubopt_on_crash_name(enum stubopt_on_crash action);

void stubopt_init(struct stubopt *opt);

/*
 * One key.  Values, defaults and words are here only: the command line, the help, the
 * manual pages, docs/interface.md, packaging/stubdom.conf and the completions are made of
 * it (tests/unit/update-golden).
 */
struct stubopt_key {
	const char *name;
	size_t offset;			  /* in struct stubopt */
	const char *const *words;	  /* one of these, the value is its index; or */
	unsigned least, most;		  /* a number; or, if both are 0, */
	bool (*valid)(const char *value); /* a text */
	const char *what;		  /* a value, in an error: "an absolute path" */
	const char *sign;    /* and in a synopsis, "DIR"; NULL: one of the words */
	const char *initial; /* the default; NULL: none, and then it */
	const char *unset;   /* is in effect this */
	const char *sample;  /* a value to show; NULL: the default */
	const char *brief;   /* some words */
	const char *help;    /* sentences, without markup */
};

/* In the order of their names. */
extern const struct stubopt_key stubopt_keys[];
extern const size_t n_stubopt_keys;

/* Takes a value.  ERR_USAGE. */
int stubopt_key_set(struct stubopt *opt, const struct stubopt_key *key, const char *value,
		    struct err *err);

/* "auto|linux|nub", or its sign; the caller frees. */
char *stubopt_key_values(const struct stubopt_key *key, const char *between);

/* The value in effect when nobody says it, for people. */
const char *stubopt_key_default(const struct stubopt_key *key);

/* A line each, for --help. */
void stubopt_print_keys(FILE *out);

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
