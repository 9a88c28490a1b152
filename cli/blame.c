/* SPDX-License-Identifier: MIT */
/* The phases of a guest's start, from what the launcher wrote down. */
#include "blame.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

#include "abi/boot.h"
#include "cleanup.h"
#include "xenstore_util.h"

enum {
	MS_PER_S = 1000,
	BUILD_MS_MAX = 600 * MS_PER_S, /* a guest older than that was not just built */
	START_TIME_FIELD = 22,	       /* of /proc/PID/stat */
};

#define LAUNCHER "stubdom-dm: "
#define KERNEL "kernel: "

/* The stages that dom0 is told of; the phase begins with the stage. */
static const struct {
	const char *stage, *what;
} stages[] = {
	{STUBDOM_STAGE_BOOT, "the agent starts"},
	{STUBDOM_STAGE_DISKS, "the agent waits for the stub domain's disks"},
	{STUBDOM_STAGE_NET, "the agent wires the interfaces"},
	{STUBDOM_STAGE_QEMU, "QEMU is started"},
	{STUBDOM_STAGE_CHANNELS, "QEMU starts, and the channels are opened"},
};

static void add(struct blame *blame, int64_t at_ms, const char *name, const char *what)
{
	struct blame_phase *last = blame->n ? &blame->phases[blame->n - 1] : NULL;

	if (blame->n == BLAME_PHASES_MAX)
		return;
	/* The clock may be set back; the order of the lines is what counts. */
	if (last && at_ms < last->from_ms)
		at_ms = last->from_ms;
	blame->phases[blame->n++] =
		(struct blame_phase){.name = name, .what = what, .from_ms = at_ms};
}

/* "2026-01-31T12:00:00.123Z TEXT": the text; NULL: another kind of line. */
static const char *parse_line(const char *line, int64_t *at_ms)
{
	struct tm tm = {0};
	const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S", &tm);
	char *end;
	long ms;

	if (!rest || *rest != '.')
		return NULL;
	ms = strtol(rest + 1, &end, 10);
	if (end != rest + 4 || strncmp(end, "Z ", 2) != 0)
		return NULL;
	*at_ms = (int64_t)timegm(&tm) * MS_PER_S + ms;
	return end + 2;
}

/* The stage of ": stage NAME", a line of the launcher's. */
static void take_stage(struct blame *blame, int64_t at_ms, const char *text)
{
	const char *stage = strstr(text, ": stage ");

	for (size_t i = 0; stage && i < sizeof(stages) / sizeof(stages[0]); i++)
		if (strcmp(stage + strlen(": stage "), stages[i].stage) == 0)
			add(blame, at_ms, stages[i].stage, stages[i].what);
}

/* Ends the last phase, and makes the times relative to the first one. */
static void finish(struct blame *blame, int64_t end_ms)
{
	int64_t begin_ms = blame->phases[0].from_ms;

	add(blame, end_ms, "", "");
	blame->n--;
	for (size_t i = 0; i < blame->n; i++) {
		blame->phases[i].ms =
			blame->phases[i + 1].from_ms - blame->phases[i].from_ms;
		blame->phases[i].from_ms -= begin_ms;
	}
	blame->total_ms =
		blame->phases[blame->n - 1].from_ms + blame->phases[blame->n - 1].ms;
}

static void begin(struct blame *blame, int64_t at_ms, int64_t exec_ms, int64_t build_ms)
{
	blame->n = 0;
	if (exec_ms && exec_ms <= at_ms) {
		if (build_ms && build_ms <= exec_ms && exec_ms - build_ms < BUILD_MS_MAX)
			add(blame, build_ms, "toolstack",
			    "the toolstack builds the guest, up to stubdom-dm");
		add(blame, exec_ms, "launcher",
		    "stubdom-dm: the plan, checks, relay, guardian, disks");
	}
	add(blame, at_ms, "libxl",
	    "libxl creates the stub domain and its devices, scripts run");
}

int blame_parse(FILE *log, int64_t exec_ms, int64_t build_ms, struct blame *out,
		struct err *err)
{
	cleanup_free char *line = NULL;
	size_t room = 0;
	bool whole = false;
	bool kernel = false;
	int64_t at_ms;
	ssize_t len;

	*out = (struct blame){0};
	while ((len = getline(&line, &room, log)) > 0) {
		const char *text;

		line[strcspn(line, "\n")] = '\0';
		text = parse_line(line, &at_ms);
		if (!text)
			continue;
		if (strncmp(text, LAUNCHER "creating ", strlen(LAUNCHER "creating ")) ==
		    0) {
			begin(out, at_ms, exec_ms, build_ms);
			whole = kernel = false;
		} else if (out->n && !whole && !kernel &&
			   strncmp(text, KERNEL, strlen(KERNEL)) == 0) {
			kernel = true;
			add(out, at_ms, "kernel", "the stub domain's kernel");
		} else if (out->n && !whole &&
			   strncmp(text, LAUNCHER, strlen(LAUNCHER)) == 0) {
			take_stage(out, at_ms, text);
			whole = strstr(text, " runs the device model of ") != NULL;
			if (whole)
				finish(out, at_ms);
		}
	}
	if (!whole)
		return err_set(err, ERR_HOST,
			       "the log has no whole start: it is not complete yet, or "
			       "its lines are gone (log=info writes them)");
	return 0;
}

/* When the process was started, since 1970; 0: not known. */
static int64_t exec_time(pid_t pid)
{
	struct timespec real, boot;
	cleanup_file FILE *f = NULL;
	char path[64], text[1024];
	const char *at;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	at = strrchr(text, ')'); /* of field 2, the name */
	for (int i = 2; at && i < START_TIME_FIELD; i++)
		at = strchr(at + 1, ' ');
	if (!at)
		return 0;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return ((int64_t)real.tv_sec - boot.tv_sec) * MS_PER_S +
	       (real.tv_nsec - boot.tv_nsec) / 1000000 +
	       strtoll(at, NULL, 10) * MS_PER_S / sysconf(_SC_CLK_TCK);
}

/* libxl's note, "SECONDS.HUNDREDTHS"; 0: there is none. */
static int64_t build_time(unsigned domid)
{
	struct xs_handle *xs = xs_open(0);
	cleanup_free char *vm = NULL;
	cleanup_free char *text = NULL;

	if (!xs)
		return 0;
	vm = xenstore_read(xs, "/local/domain/%u/vm", domid);
	if (vm && strncmp(vm, "/vm/", 4) == 0)
		text = xenstore_read(xs, "%s/start_time", vm);
	xs_close(xs);
	return text ? (int64_t)(strtod(text, NULL) * MS_PER_S) : 0;
}

int blame_read(const struct guest *guest, struct blame *out, struct err *err)
{
	cleanup_file FILE *log = NULL;

	if (!guest->log)
		return err_set(err, ERR_HOST,
			       "the device model of %s has no log in a file",
			       guest->name ? guest->name : "the guest");
	log = fopen(guest->log, "re");
	if (!log)
		return err_errno(err, ERR_HOST, errno, "%s", guest->log);
	if (blame_parse(log, exec_time(guest->launcher), build_time(guest->domid), out,
			err) < 0)
		return err_prefix(err, "%s", guest->log);
	return 0;
}
