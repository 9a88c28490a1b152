/* SPDX-License-Identifier: MIT */
/* Reads another process's privileges from /proc, and sets our own OOM score there. */
#include "proc_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

enum { UID, GID, GROUPS, CAPABILITIES, NO_NEW_PRIVS = CAPABILITIES + 5, SECCOMP, ALL };

static bool take_ids(const char *text, unsigned ids[4])
{
	return sscanf(text, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4;
}

/* The line's bit in the set of lines that were found, or -1. */
static int take_line(const char *line, struct proc_status *out)
{
	static const char *const caps[] = {
		"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
	uint64_t set;

	if (strncmp(line, "Uid:", 4) == 0)
		return take_ids(line + 4, out->uid) ? UID : -1;
	if (strncmp(line, "Gid:", 4) == 0)
		return take_ids(line + 4, out->gid) ? GID : -1;
	if (strncmp(line, "Groups:", 7) == 0) {
		out->has_groups = line[7 + strspn(line + 7, "\t \n")] != '\0';
		return GROUPS;
	}
	if (sscanf(line, "NoNewPrivs: %u", &out->no_new_privs) == 1)
		return NO_NEW_PRIVS;
	if (sscanf(line, "Seccomp: %u", &out->seccomp) == 1)
		return SECCOMP;
	for (int i = 0; i < 5; i++) {
		if (strncmp(line, caps[i], 7) == 0 &&
		    sscanf(line + 7, "%" SCNx64, &set) == 1) {
			out->capabilities |= set;
			return CAPABILITIES + i;
		}
	}
	return -1;
}

int proc_status_read(pid_t pid, struct proc_status *out)
{
	cleanup_file FILE *f = NULL;
	unsigned found = 0;
	char path[32];
	char line[512];

	*out = (struct proc_status){0};
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		int bit = take_line(line, out);

		if (bit >= 0)
			found |= 1u << bit;
	}
	if (f && found != (1u << ALL) - 1)
		errno = EPROTO;
	return f && found == (1u << ALL) - 1 ? 0 : -1;
}

bool proc_namespaces_differ(pid_t a, pid_t b, const char *name)
{
	char path[64];
	char ids[2][64];
	const pid_t pids[] = {a, b};

	snprintf(path, sizeof(path), "/proc/self/ns/%.16s", name);
	if (access("/proc/self/ns", F_OK) == 0 && access(path, F_OK) < 0 &&
	    errno == ENOENT)
		return true;
	for (int i = 0; i < 2; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/ns/%.16s", (int)pids[i], name);
		n = readlink(path, ids[i], sizeof(ids[i]) - 1);
		if (n <= 0)
			return false;
		ids[i][n] = '\0';
	}
	return strcmp(ids[0], ids[1]) != 0;
}

void proc_set_oom_score(int score)
{
	cleanup_file FILE *f = fopen("/proc/self/oom_score_adj", "we");

	if (f)
		fprintf(f, "%d", score);
}
