/* SPDX-License-Identifier: MIT */
/* The bounds of a stub domain and its relay: the list of measurements. */
#include "security.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "cleanup.h"

static const struct {
	const char *id;
	security_check_fn *run;
} checks[] = {
	{"type", security_type},
	{"target", security_target},
	{"kernel", security_kernel},
	{"devices", security_devices},
	{"store-own", security_store_own},
	{"store-facts", security_store_facts},
	{"store-others", security_store_others},
	{"image", security_image},
	{"processes", security_processes},
	{"oom", security_oom},
	{"sockets", security_sockets},
	{"relay-user", security_relay_user},
	{"relay-groups", security_relay_groups},
	{"relay-caps", security_relay_capabilities},
	{"relay-privs", security_relay_new_privileges},
	{"relay-seccomp", security_relay_seccomp},
	{"relay-spaces", security_relay_namespaces},
	{"relay-root", security_relay_root},
	{"relay-landlock", security_relay_landlock},
	{"relay-files", security_relay_files},
	{"relay-limits", security_relay_limits},
	{"relay-memory", security_relay_memory},
	{"relay-cpu", security_relay_cpu},
	{"relay-group", security_relay_group},
};

_Static_assert(sizeof(checks) / sizeof(checks[0]) <= SECURITY_LINES_MAX, "room for all");

const char *security_state_name(enum security_state state)
{
	static const char *const names[] = {"held", "not known", "not held"};

	return names[state];
}

void security_say(struct security_result *result, enum security_state state,
		  const char *fmt, ...)
{
	va_list ap;

	result->state = state;
	va_start(ap, fmt);
	vsnprintf(result->text, result->size, fmt, ap);
	va_end(ap);
	clean_string(result->text);
}

char *security_path(const struct security_subject *subject, pid_t pid, const char *name,
		    char *buf, size_t size)
{
	snprintf(buf, size, "%s/%d%s%s", subject->proc, (int)pid, *name ? "/" : "", name);
	return buf;
}

int security_field(const struct security_subject *subject, pid_t pid, const char *file,
		   const char *key, char *out, size_t size)
{
	char path[512], line[1024];
	cleanup_file FILE *f =
		fopen(security_path(subject, pid, file, path, sizeof(path)), "re");
	size_t len = strlen(key);

	while (f && fgets(line, sizeof(line), f)) {
		char *value = line + len;

		if (strncmp(line, key, len) != 0 || (*value != ':' && *value != ' '))
			continue;
		value += strspn(value, ": \t");
		value[strcspn(value, "\n")] = '\0';
		snprintf(out, size, "%s", value);
		return 0;
	}
	return -1;
}

void security_find_processes(struct security_subject *subject)
{
	const struct dirent *entry;
	DIR *dir = opendir(subject->proc);

	while (dir && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		char name[32], parent[16];

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    security_field(subject, pid, "status", "PPid", parent,
				   sizeof(parent)) < 0 ||
		    atoi(parent) != subject->guest->launcher ||
		    security_field(subject, pid, "status", "Name", name, sizeof(name)) <
			    0)
			continue;
		if (strcmp(name, "stubdom-relay") == 0)
			subject->relay = pid;
		if (strcmp(name, "stubdom-guard") == 0)
			subject->guardian = pid;
	}
	if (dir)
		closedir(dir);
}

void security_measure(const struct security_subject *subject,
		      struct security_report *report)
{
	report->n = sizeof(checks) / sizeof(checks[0]);
	for (size_t i = 0; i < report->n; i++) {
		struct security_line *line = &report->lines[i];
		struct security_result result = {.state = SECURITY_UNKNOWN,
						 .text = line->text,
						 .size = sizeof(line->text)};

		line->id = checks[i].id;
		line->text[0] = '\0';
		checks[i].run(subject, &result);
		line->state = result.state;
	}
}

enum security_state security_worst(const struct security_report *report)
{
	enum security_state worst = SECURITY_HELD;

	for (size_t i = 0; i < report->n; i++)
		if (report->lines[i].state > worst)
			worst = report->lines[i].state;
	return worst;
}
