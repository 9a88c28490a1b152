/* SPDX-License-Identifier: MIT */
/* stubdom bench: times of a guest's device model on this host, by a program of its own. */
#include <errno.h>
#include <unistd.h>

#include "decimal.h"
#include "qemu_path.h"
#include "verb.h"

#define BENCH LIBEXECDIR "/bench"

enum { ROUNDS_MAX = 1000 };

int verb_bench(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"json", no_argument, NULL, 'j'},
					      {"rounds", required_argument, NULL, 'r'},
					      {0}};
	const char *qemu = access(QEMU_DIVERTED, X_OK) == 0 ? QEMU_DIVERTED : QEMU_PATH;
	const char *rounds = "5", *form = NULL;
	unsigned n;
	int c;

	while ((c = verb_getopt(argc, argv, "r:", names, err)) != -1) {
		if (c == '?')
			return -1;
		if (c == 'j')
			form = "--json";
		else if (decimal_parse_unsigned(optarg, 1, ROUNDS_MAX, &n) < 0)
			return verb_usage_error(argv[0], err,
						"'%s': expected rounds from 1 to %d",
						optarg, ROUNDS_MAX);
		else
			rounds = optarg;
	}
	if (optind != argc)
		return verb_usage_error(argv[0], err, "'%s': takes no argument",
					argv[optind]);
	execl(BENCH, BENCH, "--qemu", qemu, "--stubdom-dm", BINDIR "/stubdom-dm",
	      "--rounds", rounds, form, NULL);
	return err_errno(err, ERR_HOST, errno, BENCH);
}
