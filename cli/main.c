/* SPDX-License-Identifier: MIT */
/* stubdom: the person's tool for guests whose QEMU runs in a stub domain. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "verb.h"

static void print_verbs(FILE *out)
{
	fputs("usage: stubdom VERB [ARGUMENT...]\n\n", out);
	for (const struct verb *v = verb_table; v->name; v++)
		fprintf(out, "  %-11s %s\n", v->name, v->summary);
	fputs("\nGUEST is a guest's name or domain id. 'stubdom VERB --help' explains a verb,\n"
	      "stubdom(1) all of them.\n",
	      out);
}

static void print_verb(const struct verb *v)
{
	printf("usage: stubdom %s%s%s\n\n%s%s%s", v->name, *v->usage ? " " : "", v->usage,
	       v->summary, *v->help ? "\n\n" : "\n", v->help);
}

int verb_version(int argc, char **argv, struct err *err)
{
	if (argc > 1)
		return verb_usage_error(argv[0], err, "takes no argument");
	puts("stubdom " STUBDOM_VERSION);
	return 0;
}

int verb_help(int argc, char **argv, struct err *err)
{
	const struct verb *v;

	if (argc > 2)
		return verb_usage_error(argv[0], err, "takes one verb at most");
	if (argc < 2) {
		print_verbs(stdout);
		return 0;
	}
	v = verb_find(argv[1]);
	if (!v)
		return err_set(err, ERR_USAGE, "no verb '%s'; 'stubdom help' lists them",
			       argv[1]);
	print_verb(v);
	return 0;
}

static int wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return 1;
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	const struct verb *v;

	if (argc < 2)
		return err_set(err, ERR_USAGE,
			       "expected a verb; 'stubdom help' lists them");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_verbs(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0)
		return verb_version(1, argv, err);
	v = verb_find(argv[1]);
	if (!v)
		return err_set(err, ERR_USAGE, "no verb '%s'; 'stubdom help' lists them",
			       argv[1]);
	if (wants_help(argc - 1, argv + 1)) {
		print_verb(v);
		return 0;
	}
	return v->run(argc - 1, argv + 1, err);
}

int main(int argc, char **argv)
{
	struct err err = {0};
	int rc;

	setlocale(LC_CTYPE, "");
	/* A peer that goes away is an error of write(2), with a message. */
	signal(SIGPIPE, SIG_IGN);
	rc = run(argc, argv, &err);
	if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		rc = err_set(&err, ERR_HOST, "standard output: could not write");
	if (rc == 0)
		return 0;
	fflush(stdout);
	if (err.msg[0])
		fprintf(stderr, "stubdom: %s\n", err.msg);
	return err.code ? err.code : ERR_HOST;
}
