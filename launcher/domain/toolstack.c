/* SPDX-License-Identifier: MIT */
/* The program that called the launcher: how long it had run, and when it returned. */
#include "domain/toolstack.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "start_log.h"

enum { FOREFATHERS_MAX = 4, COMM_SIZE = 16 };

struct process {
	pid_t parent;
	long long age_ms;
	char name[COMM_SIZE];
};

static long long age_ms(unsigned long long start_ticks)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000 -
	       (long long)(start_ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* From /proc/PID/stat (proc_pid_stat(5)); a name may have blanks and brackets. */
static bool read_process(pid_t pid, struct process *out)
{
	cleanup_file FILE *f = NULL;
	unsigned long long start;
	char path[32], line[512], *name, *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return false;
	name = strchr(line, '(');
	end = strrchr(line, ')');
	if (!name || !end || end < name)
		return false;
	*end = '\0';
	snprintf(out->name, sizeof(out->name), "%s", name + 1);
	for (char *c = out->name; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == ',')
			*c = '_';
	if (sscanf(end + 1,
		   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		   "%*d %*d %llu",
		   &out->parent, &start) != 2)
		return false;
	out->age_ms = age_ms(start);
	return true;
}

static bool same_program(pid_t a, pid_t b)
{
	const pid_t pids[] = {a, b};
	char files[2][PATH_MAX];

	for (int i = 0; i < 2; i++) {
		char path[32];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/exe", (int)pids[i]);
		n = readlink(path, files[i], sizeof(files[i]) - 1);
		if (n <= 0)
			return false;
		files[i][n] = '\0';
	}
	return strcmp(files[0], files[1]) == 0;
}

void toolstack_find(struct toolstack *toolstack)
{
	struct process own, caller;
	pid_t pid = getppid();

	*toolstack = (struct toolstack){.pidfd = -1, .since_ms = clock_ms()};
	if (!read_process(getpid(), &own))
		return;
	toolstack->since_ms -= own.age_ms;
	if (!read_process(pid, &caller))
		return;
	for (int i = 0; i < FOREFATHERS_MAX && same_program(pid, caller.parent); i++) {
		pid = caller.parent;
		if (!read_process(pid, &caller))
			return;
	}
	toolstack->pid = pid;
	log_info(START_LOG_CALLED "%s" START_LOG_CALLED_REST, caller.name, (int)pid,
		 caller.age_ms, own.age_ms);
}

void toolstack_watch(struct toolstack *toolstack)
{
	if (toolstack->pid > 1)
		toolstack->pidfd = pidfd_open(toolstack->pid, 0);
}

void toolstack_hear(struct toolstack *toolstack)
{
	log_info(START_LOG_RETURNED);
	close(toolstack->pidfd);
	toolstack->pidfd = -1;
}
