/* SPDX-License-Identifier: MIT */
/* The relay's handling of a QMP session.  Reads lines: '>' of the client and '<' of the
 * stub domain; prints the client's side.  usage: qmp_replay IMAGE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "relay/qmp/filter.h"
#include "relay/qmp/schema.h"

/* The launcher lets every guest run. */
static int let_run(struct qmp_filter *filter, struct err *err)
{
	if (filter->job.state == QMP_JOB_NONE || filter->job.need != QMP_NEED_RUN)
		return 0;
	qmp_job_granted(&filter->job, NULL);
	return qmp_filter_go_on(filter, err);
}

static int replay(const struct qmp_names *names, struct err *err)
{
	struct qmp_shared shared = {0};
	struct qmp_filter filter = {.names = names, .shared = &shared};
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &size, stdin)) > 0) {
		rc = line[0] == '>'
			     ? qmp_filter_client(&filter, line + 1, (size_t)n - 1, err)
			     : qmp_filter_stub(&filter, line + 1, (size_t)n - 1, err);
		if (rc == 0)
			rc = let_run(&filter, err);
		fwrite(buffer_bytes(&filter.to_client), 1, filter.to_client.len, stdout);
		buffer_consume(&filter.to_client, filter.to_client.len);
		buffer_consume(&filter.to_stub, filter.to_stub.len);
	}
	free(line);
	qmp_filter_free(&filter);
	return rc;
}

int main(int argc, char **argv)
{
	struct qmp_schema schema = {0};
	const struct qmp_names names = {.schema = &schema};
	struct manifest manifest = {0};
	struct err err;
	int rc = -1;

	if (argc == 2 && manifest_load(argv[1], &manifest, &err) == 0 &&
	    qmp_schema_load(manifest.schema, &schema, &err) == 0)
		rc = replay(&names, &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", argc == 2 ? err.msg : "usage: qmp_replay IMAGE");
	qmp_schema_free(&schema);
	manifest_free(&manifest);
	return rc < 0;
}
