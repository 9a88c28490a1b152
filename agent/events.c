/* SPDX-License-Identifier: MIT */
/* QEMU's reports of disk errors, passed on to dom0. */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/boot.h"
#include "clock.h"
#include "report.h"
#include "xs.h"

#define SOCKET "/run/stubdom/events.sock"

enum {
	MESSAGE_MAX = 16384, /* an event is far shorter; the rest of a line is skipped */
	LINES_AT_ONCE = 10,
	LINE_MS = 5000, /* and one more each */
};

const char *const events_argv[] = {
	"-chardev", "socket,id=stubdom-events,path=" SOCKET ",server=on,wait=off", "-mon",
	"chardev=stubdom-events,mode=control", NULL};

static struct {
	int fd;
	char line[MESSAGE_MAX];
	size_t len;
	bool skips;
	enum events_kind reported; /* what xenstore has */
	int64_t free_at;	   /* of the rate: a line is LINE_MS in the future */
	unsigned lost;
} events = {.fd = -1};

int events_fd(void)
{
	return events.fd;
}

void events_open(void)
{
	static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\r\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};

	events.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (events.fd < 0 ||
	    connect(events.fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(events.fd, hello, sizeof(hello) - 1) < 0) {
		report_line("errors of disks are not reported: " SOCKET ": %s",
			    strerror(errno));
		if (events.fd >= 0)
			close(events.fd);
		events.fd = -1;
		return;
	}
	fcntl(events.fd, F_SETFL, O_NONBLOCK);
}

static const char *text_of(const json_t *data, const char *key)
{
	const char *text = json_string_value(json_object_get(data, key));

	return text ? text : "";
}

/* QEMU's BLOCK_IO_ERROR: an emulated disk has a name, a PV disk a place only. */
static enum events_kind word_error(const json_t *data, char *text, size_t size)
{
	const char *name = text_of(data, "device");
	const char *action = text_of(data, "action");
	const char *reason = text_of(data, "reason");
	bool full = json_is_true(json_object_get(data, "nospace"));
	bool stops = strcmp(action, "stop") == 0;

	if (!*name)
		name = text_of(data, "qom-path");
	snprintf(text, size, "disk %.100s: %.20s: %.100s; %s", name,
		 text_of(data, "operation"),
		 *reason ? reason
		 : full	 ? "No space left on device"
			 : "I/O error",
		 stops ? "QEMU has stopped the guest ('cont' lets it go on)"
		       : "the guest was told");
	return stops ? EVENTS_STOPPED : EVENTS_TOLD;
}

enum events_kind events_word(const char *message, size_t len, char *text, size_t size)
{
	json_t *json = json_loadb(message, len, JSON_DECODE_INT_AS_REAL, NULL);
	const json_t *data = json_object_get(json, "data");
	const char *event = text_of(json, "event");
	enum events_kind kind = EVENTS_NOTHING;

	text[0] = '\0';
	if (strcmp(event, "BLOCK_IO_ERROR") == 0) {
		kind = word_error(data, text, size);
	} else if (strcmp(event, "BLOCK_IMAGE_CORRUPTED") == 0) {
		snprintf(text, size, "disk %.100s: its image is damaged: %.200s",
			 text_of(data, "device"), text_of(data, "msg"));
		kind = EVENTS_STOPPED;
	} else if (strcmp(event, "RESUME") == 0) {
		kind = EVENTS_RESUMED;
	}
	json_decref(json);
	return kind;
}

/* A guest that tries again and again must not fill the log. */
static bool may_say(void)
{
	int64_t now = clock_ms();

	if (events.free_at < now)
		events.free_at = now;
	if (events.free_at - now > (int64_t)LINES_AT_ONCE * LINE_MS) {
		events.lost++;
		return false;
	}
	events.free_at += LINE_MS;
	return true;
}

static void set_node(const char *text)
{
	struct err err = {0};

	if (xs_client_write(STUBDOM_XS_IO_ERROR, text, &err) < 0)
		report_line("%s", err.msg);
}

static void take_error(enum events_kind kind, const char *text)
{
	/* An error that has stopped the guest is always said: it does not come again. */
	if (kind != EVENTS_STOPPED && !may_say())
		return;
	if (events.lost > 0)
		report_line("%u errors of disks before this are not shown", events.lost);
	events.lost = 0;
	report_line("%s", text);
	if (kind < events.reported)
		return; /* why the guest stands still counts for more */
	events.reported = kind;
	set_node(text);
}

void events_take(const char *message, size_t len)
{
	char text[400];
	enum events_kind kind = events_word(message, len, text, sizeof(text));

	if (kind == EVENTS_TOLD || kind == EVENTS_STOPPED)
		take_error(kind, text);
	if (kind != EVENTS_RESUMED || events.reported == EVENTS_NOTHING)
		return;
	events.reported = EVENTS_NOTHING;
	set_node("");
}

static void take_byte(char c)
{
	if (c == '\n') {
		if (!events.skips)
			events_take(events.line, events.len);
		events.skips = false;
		events.len = 0;
	} else if (events.len == sizeof(events.line)) {
		events.skips = true;
	} else {
		events.line[events.len++] = c;
	}
}

void events_read(void)
{
	char chunk[2048];
	ssize_t n = read(events.fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (ssize_t i = 0; i < n; i++)
		take_byte(chunk[i]);
	if (n > 0)
		return;
	close(events.fd);
	events.fd = -1;
}
