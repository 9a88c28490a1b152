/* SPDX-License-Identifier: MIT */
/* The verbs of stubdom: name, usage, help, and the function that runs each. */
#ifndef STUBDOM_VERB_H
#define STUBDOM_VERB_H

#include <getopt.h>

#include "err.h"

/*
 * Exit status of "asked, and the answer is no": doctor found a problem, QEMU
 * answered a command with an error, the image does not verify.  err->msg may be
 * empty where the verb has said it all on standard output.
 */
enum { VERB_NO = 1 };

struct verb {
	const char *name;
	const char *usage;   /* what follows the name */
	const char *summary; /* one line, for the list of verbs */
	const char *help;    /* options and remarks, lines */
	/* argv[0] is the verb's name.  0, or -1 with err set. */
	int (*run)(int argc, char **argv, struct err *err);
};

/* Ends with an entry without a name. */
extern const struct verb verb_table[];

const struct verb *verb_find(const char *name);

/* "stubdom VERB: TEXT; see 'stubdom VERB --help'", ERR_USAGE; returns -1. */
int verb_usage_error(const char *verb, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * getopt_long without its own messages: the option's letter, -1 at the end, '?'
 * after setting err for an option that is unknown or lacks its value.
 */
int verb_getopt(int argc, char **argv, const char *letters, const struct option *names,
		struct err *err);

/*
 * For a verb with options for its output only, at most one of `names`, and with n_guests
 * (0 or 1) arguments GUEST, at optind then.  The option's letter; 0: none; -1: err is
 * set.
 */
int verb_form(int argc, char **argv, const struct option *names, int n_guests,
	      struct err *err);

int verb_list(int argc, char **argv, struct err *err);
int verb_status(int argc, char **argv, struct err *err);
int verb_topology(int argc, char **argv, struct err *err);
int verb_blame(int argc, char **argv, struct err *err);
int verb_bench(int argc, char **argv, struct err *err);
int verb_qmp(int argc, char **argv, struct err *err);
int verb_replace(int argc, char **argv, struct err *err);
int verb_monitor(int argc, char **argv, struct err *err);
int verb_serial(int argc, char **argv, struct err *err);
int verb_screenshot(int argc, char **argv, struct err *err);
int verb_log(int argc, char **argv, struct err *err);
int verb_crashes(int argc, char **argv, struct err *err);
int verb_metrics(int argc, char **argv, struct err *err);
int verb_plan(int argc, char **argv, struct err *err);
int verb_image(int argc, char **argv, struct err *err);
int verb_security(int argc, char **argv, struct err *err);
int verb_doctor(int argc, char **argv, struct err *err);
int verb_features(int argc, char **argv, struct err *err);
int verb_enable(int argc, char **argv, struct err *err);
int verb_disable(int argc, char **argv, struct err *err);
int verb_version(int argc, char **argv, struct err *err);
int verb_help(int argc, char **argv, struct err *err);

#endif
