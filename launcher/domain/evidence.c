/* SPDX-License-Identifier: MIT */
/* Keeps the evidence of a stub domain that has died. */
#include "domain/evidence.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "crash_dir.h"
#include "domain/ramdisk.h"
#include "log.h"
#include "log_file.h"
#include "xalloc.h"

enum {
	CRASH_VERSION = 1, /* of crash.json */
	LOG_BYTES = 256 * 1024,
	REPORT_BYTES = 64 * 1024,
	RECENT_S = 600,
};

int evidence_count_recent(const char *guest)
{
	struct crash_dir dir;
	struct err err;
	unsigned n;

	if (crash_dir_open(&dir, STUBDOM_CRASHDIR, &err) < 0) {
		log_warn("%s", err.msg);
		return -1;
	}
	n = crash_dir_count(&dir, guest, time(NULL) - RECENT_S);
	crash_dir_close(&dir);
	return (int)n;
}

/* Reads the last bytes of a file to the end of `text`; returns how many, `room` at most. */
static size_t read_end(int fd, char *text, size_t room)
{
	struct stat st;
	ssize_t n;
	size_t want;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	want = st.st_size < (off_t)room ? (size_t)st.st_size : room;
	n = pread(fd, text + room - want, want, st.st_size - (off_t)want);
	if (n <= 0)
		return 0;
	memmove(text + room - (size_t)n, text + room - want, (size_t)n);
	return (size_t)n;
}

char *evidence_read_log(int fd)
{
	cleanup_fd int old = -1;
	char *text, *line;
	struct stat st;
	size_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	text = xasprintf("%*s", LOG_BYTES, "");
	n = read_end(fd, text, LOG_BYTES);
	if (n < LOG_BYTES) {
		old = log_file_open_old(fd);
		n += read_end(old, text, LOG_BYTES - n);
	}
	memmove(text, text + LOG_BYTES - n, n);
	text[n] = '\0';
	/* Whole lines only. */
	line = n == LOG_BYTES ? strchr(text, '\n') : NULL;
	if (line)
		memmove(text, line + 1, strlen(line));
	return text;
}

/* The text of a log's line "TIME kernel: TEXT"; NULL: it is another's. */
static const char *kernel_text(const char *line)
{
	static const char mark[] = " kernel: ";
	const char *space = strpbrk(line, " \n");

	return space && strncmp(space, mark, strlen(mark)) == 0 ? space + strlen(mark)
								: NULL;
}

/* Words of a kernel that is broken, of which none is the end of a longer one ("DEBUG:"). */
static bool says_broken(const char *text)
{
	static const char *const words[] = {"nub: panic:", "Kernel panic",
					    "BUG:", "Oops:", "general protection fault"};
	const char *end = text + strcspn(text, "\n");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *at =
			memmem(text, (size_t)(end - text), words[i], strlen(words[i]));

		if (at && (at == text || !isalnum((unsigned char)at[-1])))
			return true;
	}
	return false;
}

char *evidence_kernel_report(const char *log)
{
	char *report = NULL;
	size_t used = 0;

	for (const char *line = log; *line;) {
		size_t len = strcspn(line, "\n");
		const char *text = kernel_text(line);

		if (text && (report || says_broken(text))) {
			size_t n = len - (size_t)(text - line);

			if (!report)
				report = xasprintf("%*s", REPORT_BYTES, "");
			if (used + n + 2 > REPORT_BYTES)
				break;
			memcpy(report + used, text, n);
			used += n;
			report[used++] = '\n';
			report[used] = '\0';
		}
		line += len + (line[len] == '\n');
	}
	return report;
}

static int write_file(int dir, const char *name, const char *text, struct err *err)
{
	cleanup_fd int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t len = strlen(text);

	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "making %s", name);
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n <= 0)
			return err_errno(err, ERR_HOST, errno, "writing %s", name);
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_json(int dir, const char *name, json_t *json, struct err *err)
{
	cleanup_free char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;

	if (!text)
		return err_set(err, ERR_HOST, "%s: out of memory", name);
	return write_file(dir, name, text, err);
}

/* json_string refuses what is not UTF-8. */
static void set_text(json_t *json, const char *key, const char *text)
{
	json_t *value = text ? json_string(text) : NULL;

	json_object_set_new(json, key, value ? value : json_null());
}

static json_t *facts_json(const struct evidence *evidence,
			  const struct manifest_kernel *built, time_t now)
{
	const struct plan *plan = evidence->plan;
	json_t *json = json_object();
	char mark[MANIFEST_MARK_MAX] = "";
	char when[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	manifest_mark(built, mark);
	json_object_set_new(json, "version", json_integer(CRASH_VERSION));
	set_text(json, "time", when);
	set_text(json, "guest", evidence->guest);
	json_object_set_new(json, "guest_domid", json_integer(plan->guest_domid));
	set_text(json, "why", evidence->why);
	json_object_set_new(json, "running", json_boolean(evidence->running));
	set_text(json, "action",
		 evidence->running ? stubopt_on_crash_name(evidence->action) : NULL);
	set_text(json, "kernel", stubopt_kernel_name(plan->kernel));
	set_text(json, "type", stubopt_type_name(plan->type));
	set_text(json, "qemu", evidence->manifest->qemu_version);
	set_text(json, "image", evidence->manifest->dir);
	set_text(json, "image_mark", mark);
	return json;
}

/* It lies beside the new folder, if there is one. */
static void take_core(int dir, const struct plan *plan)
{
	char name[CRASH_CORE_NAME_MAX], path[CRASH_CORE_NAME_MAX + 3];

	crash_dir_name_core(plan->guest_domid, name);
	snprintf(path, sizeof(path), "../%s", name);
	if (plan->core && renameat(dir, path, dir, CRASH_FILE_CORE) < 0 &&
	    errno != ENOENT)
		log_warn("no core is kept: %s", strerror(errno));
}

static int write_all(int dir, const struct evidence *evidence, time_t now,
		     struct err *err)
{
	const struct plan *plan = evidence->plan;
	const char *kernel = stubopt_kernel_name(plan->kernel);
	const struct manifest_kernel *built =
		manifest_find_kernel(evidence->manifest, kernel);
	/* Standard error; its log may have been opened to write only. */
	cleanup_fd int fd = open("/proc/self/fd/2", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *contract = NULL;
	cleanup_free char *log = NULL;
	cleanup_free char *report = NULL;
	cleanup_json json_t *facts = NULL;
	cleanup_json json_t *whole = NULL;

	if (!built)
		return err_set(err, ERR_HOST, "the image has no kernel '%s'", kernel);
	contract = domain_contract_text(plan, evidence->manifest, built, err);
	log = evidence_read_log(fd);
	report = log ? evidence_kernel_report(log) : NULL;
	whole = plan_to_json(plan);
	facts = facts_json(evidence, built, now);
	if (!contract || write_json(dir, CRASH_FILE_PLAN, whole, err) < 0 ||
	    write_file(dir, CRASH_FILE_CONTRACT, contract, err) < 0 ||
	    (log && write_file(dir, CRASH_FILE_LOG, log, err) < 0) ||
	    (report && write_file(dir, CRASH_FILE_KERNEL, report, err) < 0))
		return -1;
	take_core(dir, plan);
	return write_json(dir, CRASH_FILE_FACTS, facts, err);
}

void evidence_keep(const struct evidence *evidence, char name[CRASH_NAME_MAX])
{
	const char *guest = evidence->guest;
	const time_t now = time(NULL);
	struct crash_dir dir;
	struct err err;
	int fd = crash_dir_begin(&dir, STUBDOM_CRASHDIR, &err);

	name[0] = '\0';
	if (fd < 0) {
		log_warn("no crash evidence is kept: %s", err.msg);
		return;
	}
	if (write_all(fd, evidence, now, &err) < 0) {
		crash_dir_abandon(&dir); /* the disk may be full */
		log_warn("no crash evidence is kept: %s", err.msg);
	} else if (crash_dir_commit(&dir, guest, now, name, &err) < 0) {
		log_warn("no crash evidence is kept: %s", err.msg);
		name[0] = '\0';
	} else {
		log_info("crash evidence is in " STUBDOM_CRASHDIR "/%s; 'stubdom crashes "
			 "%s' shows it",
			 name, name);
	}
	close(fd);
	crash_dir_close(&dir);
}
