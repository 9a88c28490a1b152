/* SPDX-License-Identifier: MIT */
/* Fuzz: whatever client and stub domain say in turn, each hears whole JSON only. */
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "relay/qmp/filter.h"

static const struct qmp_chardev chardevs[] = {{"serial0", "pty:/dev/pts/3"}};
static const struct qmp_names names = {.chardevs = chardevs, .n_chardevs = 1};

/* Takes what waits: lines, each an object. */
static void check_output(struct buffer *out)
{
	while (out->len > 0) {
		const char *text = buffer_bytes(out);
		const char *end = memmem(text, out->len, "\r\n", 2);
		json_t *message;

		if (!end)
			abort();
		message = json_loadb(text, (size_t)(end - text), JSON_DECODE_INT_AS_REAL,
				     NULL);
		if (!json_is_object(message))
			abort();
		json_decref(message);
		buffer_consume(out, (size_t)(end - text) + 2);
	}
}

/* What the launcher would report for the job's need. */
static void serve(struct qmp_filter *f, bool well)
{
	struct qmp_job *job = &f->job;
	const char *why = well ? NULL : "no";

	switch (job->need) {
	case QMP_NEED_SAVE:
		qmp_job_saved(job, why);
		break;
	case QMP_NEED_ATTACH:
		qmp_job_attached(job, f->shared, "xvdc", why);
		break;
	case QMP_NEED_DETACH:
		qmp_job_detached(job, f->shared);
		break;
	case QMP_NEED_TIME:
		qmp_job_again(job);
		break;
	case QMP_NEED_NONE:
		break;
	}
}

/* A line each: '>' from the client, '<' from the stub domain, 'f' a descriptor, '+' and
 * '-' a report to the job. */
static int take_line(struct qmp_filter *f, const char *line, size_t len)
{
	struct err err;

	switch (line[0]) {
	case '>':
		return qmp_filter_client(f, line + 1, len - 1, &err);
	case '<':
		return qmp_filter_stub(f, line + 1, len - 1, &err);
	case 'f':
		qmp_arrived_put(&f->arrived, open("/dev/null", O_RDWR));
		return 0;
	default:
		serve(f, line[0] == '+');
		return qmp_filter_go_on(f, &err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qmp_shared shared = {.save_path = "/run/stubdom/saved"};
	struct qmp_filter f = {.names = &names, .shared = &shared};
	const char *text = (const char *)data;
	int rc = 0;

	qmp_shared_add_disk(&shared, "xvdb");
	while (size > 0 && rc == 0) {
		const char *end = memchr(text, '\n', size);
		size_t len = end ? (size_t)(end - text) : size;

		if (len > 0)
			rc = take_line(&f, text, len);
		check_output(&f.to_client);
		check_output(&f.to_stub);
		len += end ? 1 : 0;
		text += len;
		size -= len;
	}
	qmp_filter_free(&f);
	qmp_fds_free(&shared.fds);
	if (shared.busy)
		abort();
	return 0;
}
