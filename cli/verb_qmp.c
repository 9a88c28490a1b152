/* SPDX-License-Identifier: MIT */
/* stubdom qmp: one QMP command, its answer as JSON. */
#include <stdlib.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "decimal.h"
#include "guest.h"
#include "guest_json.h"
#include "qmp_args.h"
#include "qmp_client.h"
#include "verb.h"

enum { OPEN_TIMEOUT_S = 10, TIMEOUT_S = 60, TIMEOUT_MAX_S = 86400 };

static int parse_timeout(const char *text, int *out, struct err *err)
{
	unsigned n;

	if (decimal_parse_unsigned(text, 1, TIMEOUT_MAX_S, &n) < 0)
		return verb_usage_error("qmp", err, "'%s': expected seconds from 1 to %d",
					text, TIMEOUT_MAX_S);
	*out = (int)n;
	return 0;
}

/* timeout_s: 0 if the caller said none. */
static int run_command(const char *path, const json_t *command, int timeout_s,
		       struct err *err)
{
	cleanup_json json_t *result = NULL;
	struct qmp_client qmp;
	int open_s = timeout_s ? timeout_s : OPEN_TIMEOUT_S;
	int run_s = timeout_s ? timeout_s : TIMEOUT_S;
	int rc;

	if (qmp_client_open(&qmp, path, open_s * 1000, err) < 0)
		return -1;
	rc = qmp_client_run(&qmp, command, run_s * 1000, VERB_NO, &result, err);
	qmp_client_close(&qmp);
	if (rc < 0)
		return -1;
	guest_print_json(result);
	return 0;
}

int verb_qmp(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"timeout", required_argument, NULL, 't'},
					      {0}};
	cleanup_json json_t *command = NULL;
	cleanup_free char *path = NULL;
	int timeout_s = 0;
	struct guest guest;
	int c;

	while ((c = verb_getopt(argc, argv, "+t:", names, err)) != -1)
		if (c == '?' || parse_timeout(optarg, &timeout_s, err) < 0)
			return -1;
	if (argc - optind < 2)
		return verb_usage_error(argv[0], err, "expected GUEST and a command");
	if (qmp_args_parse(argc - optind - 1, argv + optind + 1, &command, err) < 0)
		return -1;
	if (guest_find(argv[optind], &guest, err) < 0)
		return -1;
	path = guest_socket(&guest, STUBDOM_RUN_QMP);
	guest_free(&guest);
	if (!path)
		return err_set(err, ERR_HOST, "out of memory");
	if (run_command(path, command, timeout_s, err) < 0)
		return err_prefix(err, "%s", argv[optind]);
	return 0;
}
