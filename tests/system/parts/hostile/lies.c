/* SPDX-License-Identifier: MIT */
/* A QEMU that lies: wrong answers of every kind to the QMP questions of dom0's tools. */
#include "lies.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vchan.h"

enum { IN_MAX = 16384, LONG = 100000 };

#define SECRET "/root/dom0-secret"

/* The messages of one connection, said and yet to hear. */
struct liar {
	char in[IN_MAX];
	size_t n_in;
	char *out;
	size_t n_out;
	size_t at;
	bool greeted;
};

static enum lie lie = LIE_NAMES;
static bool wanted;

/* In QEMU's form, so that a check that refuses them looks at their meaning. */
static const struct {
	const char *command;
	const char *value;
} answers[] = {
	{"query-status", "{\"status\":\"running\",\"running\":true}"},
	{"query-version", "{\"qemu\":{\"major\":10,\"minor\":0,\"micro\":13},\"package\":"
			  "\"" SECRET "\"}"},
	{"query-chardev",
	 "[{\"label\":\"serial0\",\"frontend-open\":true,\"filename\":\"pty:" SECRET
	 "\"},{\"label\":\"serial1\",\"frontend-open\":true,\"filename\":\"pty:" SECRET
	 "\"},"
	 "{\"label\":\"serial999999999999\",\"frontend-open\":true,\"filename\":\"pty:" SECRET
	 "\"}]"},
	{"query-vnc", "{\"enabled\":true,\"host\":\"" SECRET
		      "\",\"service\":\"22\",\"family\":\"unix\","
		      "\"auth\":\"" SECRET "\",\"clients\":[{\"host\":\"" SECRET
		      "\",\"service\":\"22\","
		      "\"family\":\"unix\",\"websocket\":false}]}"},
	{"query-block",
	 "[{\"device\":\"ide0-hd0\",\"qdev\":\"" SECRET
	 "\",\"locked\":false,\"removable\":"
	 "false,\"type\":\"unknown\",\"inserted\":{\"iops_rd\":0,\"detect_zeroes\":\"off\","
	 "\"image\":{\"virtual-size\":1,\"filename\":\"" SECRET "\",\"format\":\"raw\"},"
	 "\"iops_wr\":0,\"ro\":false,\"backing_file_depth\":0,\"drv\":\"raw\",\"active\":true,\"iops\":0,"
	 "\"bps_wr\":0,\"write_threshold\":0,\"encrypted\":false,\"bps\":0,\"bps_rd\":0,"
	 "\"cache\":{\"no-flush\":false,\"direct\":false,\"writeback\":true},\"file\":\"" SECRET
	 "\",\"backing_file\":\"" SECRET "\"}}]"},
	/* BlockDeviceStats has more members: find_value() adds them. */
	{"query-blockstats",
	 "[{\"device\":\"ide0-hd0\",\"node-name\":\"" SECRET "\",\"stats\":"
	 "{\"timed_stats\":[],\"account_invalid\":true,"
	 "\"account_failed\":true}}]"},
	{"query-named-block-nodes", "[]"},
	{"query-cpus-fast", "[{\"cpu-index\":0,\"qom-path\":\"" SECRET
			    "\",\"thread-id\":1,\"target\":\"x86_64\"}]"},
	{"query-hotpluggable-cpus",
	 "[{\"type\":\"" SECRET
	 "\",\"vcpus-count\":1,\"props\":{\"socket-id\":0},\"qom-path\":"
	 "\"" SECRET "\"}]"},
	/* The device that a test asks for is here, and is not where it could be. */
	{"query-pci",
	 "[{\"bus\":0,\"devices\":[{\"bus\":0,\"slot\":4000000000,\"function\":-1,"
	 "\"class_info\":{\"class\":0},\"id\":{\"device\":1,\"vendor\":1},\"irq_pin\":0,"
	 "\"qdev_id\":\"pci-pt-01_00.0\",\"regions\":[]}]}]"},
	{"query-name", "{\"name\":\"" SECRET "\"}"},
	{"query-fdsets",
	 "[{\"fdset-id\":0,\"fds\":[{\"fd\":3,\"opaque\":\"" SECRET "\"}]}]"},
	{"human-monitor-command", "\"" SECRET "\\r\\n\""},
	{"qom-get", "\"" SECRET "\""},
};

static const char greeting[] =
	"{\"QMP\":{\"version\":{\"qemu\":{\"micro\":13,\"minor\":0,\"major\":10},"
	"\"package\":\"" SECRET "\",\"x\":\"" SECRET
	"\"},\"capabilities\":[\"oob\"]}}\r\n";

void lies_begin(const char *channel)
{
	const char *first = strstr(channel, "lies-");

	wanted = true;
	if (first && first[5])
		lie = (enum lie)first[5];
}

bool lies_wanted(void)
{
	return wanted;
}

static json_t *twist(const json_t *value);

static json_t *twist_string(const json_t *value)
{
	static char text[LONG + 1];

	switch (lie) {
	case LIE_TYPES:
		return json_integer(5);
	case LIE_CONTROL:
		return json_sprintf("\033]0;x\007\xc2\x9b"
				    "31m\xe2\x80\xae%s\r\n\x7f",
				    json_string_value(value));
	case LIE_LONG:
		memset(text, 'a', LONG);
		return json_string(text);
	default:
		return json_string(json_string_value(value));
	}
}

static json_t *twist_object(const json_t *value)
{
	json_t *object = json_object();
	const json_t *child;
	const char *key;

	json_object_foreach((json_t *)value, key, child)
		json_object_set_new(object, key, twist(child));
	if (lie == LIE_EXTRA) {
		json_object_set_new(object, "filename", json_string("pty:" SECRET));
		json_object_set_new(object, "pty", json_string(SECRET));
		json_object_set_new(object, "data", json_string(SECRET));
	}
	return object;
}

static json_t *twist(const json_t *value)
{
	json_t *list;
	json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return twist_string(value);
	case JSON_INTEGER:
		if (lie == LIE_TYPES)
			return json_string(SECRET);
		/* More than jansson's integers: a real, which QEMU never sends here. */
		return lie == LIE_HUGE ? json_real(1e300) : json_copy((json_t *)value);
	case JSON_OBJECT:
		return lie == LIE_TYPES ? json_array() : twist_object(value);
	case JSON_ARRAY:
		break;
	default:
		return json_copy((json_t *)value);
	}
	list = json_array();
	json_array_foreach(value, i, item)
		json_array_append_new(list, twist(item));
	return list;
}

/* The numbers of BlockDeviceStats. */
static const char *const counters[] = {
	"rd_bytes",
	"wr_bytes",
	"zone_append_bytes",
	"unmap_bytes",
	"rd_operations",
	"wr_operations",
	"zone_append_operations",
	"flush_operations",
	"unmap_operations",
	"rd_total_time_ns",
	"wr_total_time_ns",
	"zone_append_total_time_ns",
	"flush_total_time_ns",
	"unmap_total_time_ns",
	"wr_highest_offset",
	"rd_merged",
	"wr_merged",
	"zone_append_merged",
	"unmap_merged",
	"failed_rd_operations",
	"failed_wr_operations",
	"failed_zone_append_operations",
	"failed_flush_operations",
	"failed_unmap_operations",
	"invalid_rd_operations",
	"invalid_wr_operations",
	"invalid_zone_append_operations",
	"invalid_flush_operations",
	"invalid_unmap_operations",
};

static json_t *find_value(const char *command)
{
	json_t *value = NULL;

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		if (strcmp(answers[i].command, command) == 0)
			value = json_loads(answers[i].value, JSON_DECODE_ANY, NULL);
	}
	if (strcmp(command, "query-blockstats") == 0) {
		json_t *stats = json_object_get(json_array_get(value, 0), "stats");

		for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
			json_object_set_new(stats, counters[i], json_integer(512));
	}
	return value ? value : json_object();
}

static json_t *make_answer(const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "execute"));
	json_t *value = find_value(name ? name : "");
	json_t *answer =
		lie == LIE_ERROR && strcmp(name ? name : "", "qmp_capabilities") != 0
			? json_pack("{s:{s:s, s:s}}", "error", "class", "X\033[2J",
				    "desc",
				    SECRET "\xc2\x9b"
					   "31m\r\nxl: forged")
			: json_pack("{s:o}", "return", twist(value));
	json_int_t id = json_integer_value(json_object_get(message, "id"));

	json_decref(value);
	/* A peer that cannot even say hello has nobody to lie to. */
	if (name && strcmp(name, "qmp_capabilities") == 0)
		json_object_set_new(answer, "return", json_object());
	else if (lie == LIE_EVENT)
		json_object_set_new(answer, "event", json_string("X"));
	else if (lie == LIE_QMP)
		json_object_set_new(answer, "QMP", json_integer(1));
	else if (lie == LIE_BOTH)
		json_object_set_new(answer, "error", json_object());
	else if (lie == LIE_IDS)
		id++;
	json_object_set_new(answer, "id", json_integer(id));
	return answer;
}

static void say(struct liar *liar, const char *text)
{
	size_t len = strlen(text);

	liar->out = realloc(liar->out, liar->n_out + len);
	memcpy(liar->out + liar->n_out, text, len);
	liar->n_out += len;
}

static void answer(struct liar *liar, const char *line)
{
	json_t *message = json_loads(line, 0, NULL);
	json_t *made = message ? make_answer(message) : NULL;
	char *text = made ? json_dumps(made, JSON_COMPACT) : NULL;

	for (int i = 0; text && i < (lie == LIE_TWICE ? 2 : 1); i++) {
		if (lie == LIE_GREETING)
			say(liar, greeting);
		say(liar, text);
		say(liar, "\r\n");
	}
	free(text);
	json_decref(made);
	json_decref(message);
}

static int hear(struct evil *evil, struct liar *liar)
{
	ssize_t n = vchan_read(evil->vchan, liar->in + liar->n_in,
			       sizeof(liar->in) - 1 - liar->n_in);
	char *end;

	if (n < 0)
		return -1;
	liar->n_in += (size_t)n;
	liar->in[liar->n_in] = '\0';
	while ((end = strchr(liar->in, '\n'))) {
		*end = '\0';
		answer(liar, liar->in);
		liar->n_in -= (size_t)(end + 1 - liar->in);
		memmove(liar->in, end + 1, liar->n_in + 1);
	}
	return n > 0;
}

int lies_tell(struct evil *evil)
{
	struct liar *liar = evil->liar;
	int rc;

	if (!liar->greeted)
		say(liar, greeting);
	liar->greeted = true;
	rc = hear(evil, liar);
	if (rc >= 0 && liar->at < liar->n_out) {
		ssize_t n = vchan_write(evil->vchan, liar->out + liar->at,
					liar->n_out - liar->at);

		if (n < 0)
			return -1;
		liar->at += (size_t)n;
		return n > 0;
	}
	return rc;
}

void lies_offered(struct evil *evil)
{
	if (evil->act != lies_tell)
		return;
	if (evil->liar)
		free(evil->liar->out);
	free(evil->liar);
	evil->liar = calloc(1, sizeof(*evil->liar));
}

int lies_choose(struct evil *evil)
{
	char said[2] = {evil->byte, '\n'};

	lie = (enum lie)evil->byte;
	evil->waits = true;
	return vchan_write(evil->vchan, said, sizeof(said)) < 0 ? -1 : 0;
}
