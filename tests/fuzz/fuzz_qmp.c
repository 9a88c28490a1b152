/* SPDX-License-Identifier: MIT */
/* Fuzz: client and stub domain say anything in turn.  QEMU hears commands with ids of
 * ours.  The client hears of the stub domain only what QEMU can say, without a name of
 * dom0. */
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/sample_schema.h"
#include "fuzz.h"
#include "log.h"
#include "relay/qmp/filter.h"

static struct qmp_schema schema;
static const struct qmp_chardev chardevs[] = {{"serial0", "pty:/dev/pts/3"}};
static const struct qmp_disk disks[] = {{"xvda", "/srv/a.img"}, {"xvdb", "/srv/b.iso"}};
static struct qmp_names names = {
	.schema = &schema,
	.chardevs = chardevs,
	.n_chardevs = 1,
	.disks = disks,
	.n_disks = 2,
	.vnc_host = "127.0.0.1",
	.vnc_service = "5900",
};

/* The messages heard so far on this connection. */
struct heard {
	bool greeting;
	json_int_t last_id;
};

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(text, *list) == 0)
			return true;
	}
	return false;
}

/* "/x" and "pty:/x"; paths in QEMU's tree of objects have no place in dom0. */
static bool is_path(const char *text)
{
	static const char *const trees[] = {"/audiodevs", "/backend", "/chardevs",
					    "/machine",	  "/objects", NULL};
	const char *slash = strchr(text, '/');

	for (size_t i = 0; trees[i]; i++) {
		if (strncmp(text, trees[i], strlen(trees[i])) == 0)
			return false;
	}
	if (!slash || slash == text)
		return slash != NULL;
	return slash[-1] == ':' && strcspn(text, " :") == (size_t)(slash - 1 - text);
}

/* Texts that a tool of dom0's may take for a name; lines for people are none. */
static void check_string(const char *text, bool lines)
{
	static const char *const known[] = {"pty:/dev/pts/3", "/srv/a.img", "/srv/b.iso",
					    NULL};

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool line = lines && strchr("\t\r\n", *c);

		if ((*c < 0x20 && !line) || *c == 0x7f ||
		    (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			abort();
	}
	if (!lines && is_path(text) && !is_one_of(text, known) &&
	    strncmp(text, "/dev/fdset/", 11) != 0)
		abort();
}

static void check_strings(const json_t *value, const char *member)
{
	static const char *const for_people[] = {"desc", "return", NULL};
	static const char *const from_here[] = {"opaque", "id", NULL}; /* the client's */
	const json_t *child;
	const char *key;
	size_t i;

	if (is_one_of(member, from_here))
		return;
	if (json_is_string(value))
		check_string(json_string_value(value), is_one_of(member, for_people));
	json_object_foreach((json_t *)value, key, child)
		check_strings(child, key);
	json_array_foreach(value, i, child)
		check_strings(child, json_is_string(child) ? "" : member);
}

static void check_keys(const json_t *message, const char *const *known)
{
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)message, key, value) {
		if (!is_one_of(key, known))
			abort();
	}
}

static void check_for_client(const json_t *message, struct heard *heard)
{
	static const char *const greeting[] = {"QMP", NULL};
	static const char *const event[] = {"event", "timestamp", "data", NULL};
	static const char *const reply[] = {"return", "id", NULL};
	static const char *const error[] = {"error", "id", NULL};
	const json_t *name = json_object_get(message, "event");

	if (heard->greeting != !json_object_get(message, "QMP"))
		abort();
	if (!heard->greeting)
		check_keys(message, greeting);
	else if (name)
		check_keys(message, event);
	else if (json_object_get(message, "return"))
		check_keys(message, reply);
	else if (json_object_get(message, "error"))
		check_keys(message, error);
	else
		abort();
	if (name && !qmp_schema_find(&schema, json_string_value(name), QMP_KIND_EVENT))
		abort();
	heard->greeting = true;
	check_strings(message, "");
}

static void check_for_stub(const json_t *message, struct heard *heard)
{
	static const char *const known[] = {"execute", "arguments", "id", NULL};

	check_keys(message, known);
	if (!json_is_string(json_object_get(message, "execute")) ||
	    json_number_value(json_object_get(message, "id")) != (double)++heard->last_id)
		abort();
}

/* Takes the lines that wait, each an object. */
static void check_output(struct buffer *out, struct heard *heard,
			 void (*check)(const json_t *message, struct heard *heard))
{
	while (out->len > 0) {
		const char *text = buffer_bytes(out);
		const char *end = memmem(text, out->len, "\r\n", 2);
		json_t *message;

		if (!end)
			abort();
		message = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES,
				     NULL);
		if (!message)
			message = json_loadb(text, (size_t)(end - text),
					     JSON_DECODE_INT_AS_REAL, NULL);
		if (!json_is_object(message))
			abort();
		check(message, heard);
		json_decref(message);
		buffer_consume(out, (size_t)(end - text) + 2);
	}
}

/* The launcher's report for the job's need. */
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
	case QMP_NEED_GROW:
	case QMP_NEED_RUN:
		qmp_job_granted(job, why);
		break;
	case QMP_NEED_LEND:
		qmp_job_lent(job, f->shared, why);
		break;
	case QMP_NEED_RETURN:
		qmp_job_returned(job, f->shared);
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
	struct heard heard = {0};
	struct qmp_filter f = {.names = &names, .shared = &shared};
	const char *text = (const char *)data;
	int rc = 0;

	if (schema.n == 0) {
		schema = sample_schema_load();
		log_init("fuzz", LOG_LEVEL_ERROR);
	}
	names.media = &shared.media;
	qmp_shared_add_disk(&shared, "xvdb", "");
	while (size > 0 && rc == 0) {
		const char *end = memchr(text, '\n', size);
		size_t len = end ? (size_t)(end - text) : size;

		if (len > 0)
			rc = take_line(&f, text, len);
		check_output(&f.to_client, &heard, check_for_client);
		check_output(&f.to_stub, &heard, check_for_stub);
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
