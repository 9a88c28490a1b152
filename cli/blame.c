/* SPDX-License-Identifier: MIT */
/* The phases of a guest's start, from the log of its stub domain and from xenstore. */
#include "blame.h"

#include <string.h>
#include <time.h>

#include "abi/boot.h"
#include "abi/facts.h"
#include "start_log.h"

enum {
	LINE_SIZE = 2048, /* longer than any line of the log (lib/log.c) */
	TOOLSTACK_MS_MAX =
		120000, /* older: a daemon, which did not begin for this guest */
	STUB_MS_MAX = 3600 * 1000,
};

/* A stage that the stub domain reports, and the moment that it is. */
static const struct {
	const char *stage;
	enum blame_point point;
} stages[] = {
	{STUBDOM_STAGE_BOOT, BLAME_AGENT},     {STUBDOM_STAGE_DISKS, BLAME_DISKS},
	{STUBDOM_STAGE_NET, BLAME_NET},	       {STUBDOM_STAGE_QEMU, BLAME_LINKING},
	{STUBDOM_STAGE_RUNNING, BLAME_REPORT},
};
enum { N_STAGES = sizeof(stages) / sizeof(*stages) };

struct reader {
	struct blame *blame;
	bool begun;
	/* By the stub domain's own clock, from its kernel's start; -1: not said. */
	long long after[BLAME_POINTS];
	long long offset; /* dom0's time of that start, or a little later; 0: not known */
	long long heard;  /* when dom0 heard the last word */
};

static void begin(struct reader *reader)
{
	*reader->blame = (struct blame){0};
	reader->begun = true;
	reader->offset = reader->heard = 0;
	for (int i = 0; i < BLAME_POINTS; i++)
		reader->after[i] = -1;
}

/* "2026-01-31T12:00:00.123Z SOURCE: TEXT"; NULL if it is no such line. */
static char *split(char *line, long long *at, char **text)
{
	struct tm tm = {0};
	char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S.", &tm), *colon;
	int ms, n = 0;

	if (!rest || sscanf(rest, "%3dZ %n", &ms, &n) != 1 || n == 0)
		return NULL;
	*at = timegm(&tm) * 1000LL + ms;
	rest += n;
	colon = strstr(rest, ": ");
	if (!colon)
		return NULL;
	*colon = '\0';
	*text = colon + 2;
	(*text)[strcspn(*text, "\n")] = '\0';
	return rest;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void take_called(struct reader *reader, long long at, const char *text)
{
	struct blame *blame = reader->blame;
	long long before, own;
	char name[16];
	int pid;

	begin(reader);
	if (sscanf(text, START_LOG_CALLED "%15[^,]" START_LOG_CALLED_REST, name, &pid,
		   &before, &own) != 4 ||
	    own < 0 || before < own || own > TOOLSTACK_MS_MAX)
		return;
	blame->at[BLAME_LAUNCHER] = at - own;
	blame->at[BLAME_CHECKS] = at;
	strcpy(blame->toolstack, name);
	if (before <= TOOLSTACK_MS_MAX)
		blame->at[BLAME_TOOLSTACK] = at - before;
}

static void take_replaced(struct blame_replace *replace, const char *text)
{
	static const char *const names[BLAME_REPLACE_PHASES] = STUBDOM_REPLACE_PHASES;
	char key[16];
	long long ms;
	int n;

	*replace = (struct blame_replace){0};
	for (; sscanf(text, " %15[a-z_]=%18lld%n", key, &ms, &n) == 2; text += n) {
		char *end = strstr(key, "_ms");

		if (!end || ms < 0)
			continue;
		*end = '\0';
		if (strcmp(key, "pause") == 0) {
			replace->pause_ms = ms;
			replace->known = true;
		}
		for (int i = 0; i < BLAME_REPLACE_PHASES; i++)
			if (strcmp(key, names[i]) == 0)
				replace->ms[i] = ms;
	}
}

static void take_launcher(struct reader *reader, long long at, const char *text)
{
	long long *points = reader->blame->at;

	if (starts(text, START_LOG_CALLED)) {
		take_called(reader, at, text);
		return;
	}
	if (starts(text, START_LOG_CREATING)) {
		/* Also the first line of a log that lost the one above. */
		if (!reader->begun || points[BLAME_LIBXL])
			begin(reader);
		points[BLAME_LIBXL] = at;
	}
	if (reader->begun && starts(text, START_LOG_CHECKED))
		points[BLAME_RELAY] = at;
	if (reader->begun && starts(text, START_LOG_READY))
		points[BLAME_RAMDISK] = at;
	if (reader->begun && starts(text, START_LOG_REPLACED))
		take_replaced(&reader->blame->replace, text + strlen(START_LOG_REPLACED));
	if (!points[BLAME_LIBXL])
		return;
	if (starts(text, START_LOG_SCRIPT) && !points[BLAME_UNPAUSED]) {
		reader->blame->scripts++;
		if (!points[BLAME_SCRIPTS])
			points[BLAME_SCRIPTS] = at;
	}
	if (starts(text, START_LOG_DEVICE) && points[BLAME_SCRIPTS] &&
	    !points[BLAME_UNPAUSED])
		points[BLAME_DEVICES] = at;
	if (starts(text, START_LOG_UNPAUSED))
		points[BLAME_UNPAUSED] = at;
	if (strstr(text, START_LOG_TOLD) && !points[BLAME_RETURN])
		points[BLAME_RETURN] = at;
	/* Later it is a daemon's end, or that of an xl which waits for its guest. */
	if (starts(text, START_LOG_RETURNED) && points[BLAME_RETURN] &&
	    at - points[BLAME_RETURN] <= TOOLSTACK_MS_MAX)
		points[BLAME_END] = at;
}

/* Any text at all may come: it is the stub domain's. */
static void take_agent(struct reader *reader, long long at, const char *text)
{
	struct blame *blame = reader->blame;
	struct blame_wait channels, xenstore;
	char stage[16];
	long long after;

	if (blame->at[BLAME_RETURN] && blame->xenstore.known)
		return;
	reader->heard = at;
	if (sscanf(text, "stage %15s after %lld ms", stage, &after) == 2 && after >= 0 &&
	    after < STUB_MS_MAX) {
		for (int i = 0; i < N_STAGES; i++)
			if (strcmp(stage, stages[i].stage) == 0 &&
			    reader->after[stages[i].point] < 0)
				reader->after[stages[i].point] = after;
		/* A line comes later than it was written, never earlier. */
		if (!reader->offset || at - after < reader->offset)
			reader->offset = at - after;
	}
	if (sscanf(text, START_LOG_LINKED, &after, &channels.n, &channels.ms, &xenstore.n,
		   &xenstore.ms) != 5 ||
	    blame->xenstore.known)
		return;
	if (after >= 0 && after < STUB_MS_MAX)
		reader->after[BLAME_QEMU] = after;
	channels.known = xenstore.known = true;
	if (channels.ms >= 0 && channels.ms < STUB_MS_MAX)
		blame->channels = channels;
	if (xenstore.ms >= 0 && xenstore.ms < STUB_MS_MAX)
		blame->xenstore = xenstore;
}

static void take_line(struct reader *reader, char *line)
{
	long long at;
	char *text;
	const char *source = split(line, &at, &text);

	if (!source)
		return;
	if (strcmp(source, "stubdom-dm") == 0)
		take_launcher(reader, at, text);
	else if (strcmp(source, "agent") == 0 && reader->begun)
		take_agent(reader, at, text);
}

/*
 * The stub domain's moments on dom0's clock: none before it was started, none after dom0
 * has heard of it.
 */
static void place(struct reader *reader)
{
	long long *at = reader->blame->at;
	const long long most = at[BLAME_RETURN] ? at[BLAME_RETURN] : reader->heard;

	if (!reader->offset || !at[BLAME_UNPAUSED])
		return;
	reader->after[BLAME_KERNEL] = 0;
	for (int i = BLAME_KERNEL; i <= BLAME_REPORT; i++)
		if (reader->after[i] >= 0) {
			at[i] = reader->offset + reader->after[i];
			if (at[i] > most)
				at[i] = most;
		}
}

static void order(long long *at)
{
	long long least = 0;

	for (int i = 0; i < BLAME_POINTS; i++) {
		if (at[i] && at[i] < least)
			at[i] = least;
		if (at[i])
			least = at[i];
	}
}

int blame_read(FILE *log, const struct blame_builds *builds, struct blame *out,
	       struct err *err)
{
	struct reader reader = {.blame = out};
	char line[LINE_SIZE];

	*out = (struct blame){0};
	while (fgets(line, sizeof(line), log))
		take_line(&reader, line);
	if (!reader.begun)
		return err_set(err, ERR_GUEST,
			       "no start is in the log (-stubdom log= must be info, the "
			       "default, when the guest starts)");
	place(&reader);
	if (builds->guest_ms && out->at[BLAME_LAUNCHER] > builds->guest_ms)
		out->at[BLAME_GUEST_BUILD] = builds->guest_ms;
	/* A later one is the build of a stub domain that has replaced the first. */
	if (builds->stub_ms && out->at[BLAME_LIBXL] &&
	    (!out->at[BLAME_UNPAUSED] || builds->stub_ms <= out->at[BLAME_UNPAUSED]))
		out->at[BLAME_BUILD] = builds->stub_ms;
	order(out->at);
	return 0;
}

bool blame_is_whole(const struct blame *blame)
{
	return blame->at[BLAME_RETURN] != 0;
}
