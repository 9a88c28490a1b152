/* SPDX-License-Identifier: MIT */
/* Control groups: a launcher's own place in dom0; bounds of a relay's CPU and memory.  The
 * kernel keeps them, even for a relay that was taken over. */
#include "domain/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define ROOT "/sys/fs/cgroup"
#define SLICE "qemu-stubdom.slice"

/* A fifth of a usual process's weight; half a CPU at the most; memory for its limits. */
#define CPU_WEIGHT "20"
#define CPU_QUOTA_USEC "500000" /* in each second */
#define MEMORY_MAX "268435456"
#define TASKS_MAX "1"

enum { SYSTEMD_MS = 5000 };

static bool has_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static bool has_version_2(void)
{
	struct statfs st;

	return statfs(ROOT, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

/* Waits for a program of our own making, bounded; its status, or -1. */
static int wait_for(pid_t pid)
{
	cleanup_fd int fd = pidfd_open(pid, 0);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int status = -1;

	if (fd < 0 || poll(&pfd, 1, SYSTEMD_MS) != 1)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Words of busctl's: no library of systemd's in a process of root's for two calls. */
struct words {
	const char *word[64];
	size_t n;
};

static void add(struct words *words, const char *const *list, size_t n)
{
	memcpy(words->word + words->n, list, n * sizeof(*list));
	words->n += n;
}

#define ADD(words, ...)                                                                  \
	add(words, (const char *const[]){__VA_ARGS__},                                   \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static const char *const bounds_of_scope[] = {
	"CPUWeight", "t", CPU_WEIGHT, "CPUQuotaPerSecUSec", "t", CPU_QUOTA_USEC,
	"MemoryMax", "t", MEMORY_MAX, "TasksMax",	    "t", TASKS_MAX,
};

struct scope {
	const char *unit, *what;
	pid_t pids[2];
	size_t n_pids;
	bool bounded;
};

/* busctl's process id, or -1. */
static pid_t start_scope(const struct scope *scope)
{
	char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	struct words words = {0};
	char pids[2][16];
	pid_t child;

	ADD(&words, "busctl", "--system", "--quiet", "call", "org.freedesktop.systemd1",
	    "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
	    "StartTransientUnit", "ssa(sv)a(sa(sv))", scope->unit, "fail");
	ADD(&words, scope->bounded ? "10" : "6");
	ADD(&words, "Description", "s", scope->what, "Slice", "s", SLICE);
	/* One that was killed does not keep its name. */
	ADD(&words, "CollectMode", "s", "inactive-or-failed");
	/* At the host's end systemd stops it after what saves or shuts down guests. */
	ADD(&words, "Before", "as", "2", "xendomains.service",
	    "virt-guest-shutdown.target");
	/* And before what it needs to end well. */
	ADD(&words, "After", "as", "1", "xen.service");
	ADD(&words, "PIDs", "au", scope->n_pids == 1 ? "1" : "2");
	for (size_t i = 0; i < scope->n_pids; i++) {
		snprintf(pids[i], sizeof(pids[i]), "%d", (int)scope->pids[i]);
		ADD(&words, pids[i]);
	}
	if (scope->bounded)
		add(&words, bounds_of_scope,
		    sizeof(bounds_of_scope) / sizeof(bounds_of_scope[0]));
	ADD(&words, "0", NULL);
	errno = posix_spawnp(&child, words.word[0], NULL, NULL, (char *const *)words.word,
			     environment);
	return errno ? -1 : child;
}

static void enter_scopes(const struct plan *plan, pid_t relay, pid_t guardian)
{
	char units[2][64];
	char what[2][200];
	const struct scope scopes[] = {
		{units[0], what[0], {getpid(), guardian}, 2, false},
		{units[1], what[1], {relay}, 1, true},
	};
	pid_t callers[2];

	snprintf(units[0], sizeof(units[0]), "qemu-stubdom-%u.scope", plan->guest_domid);
	snprintf(what[0], sizeof(what[0]), "device model of %.150s", plan->name);
	snprintf(units[1], sizeof(units[1]), "qemu-stubdom-relay-%u.scope",
		 plan->guest_domid);
	snprintf(what[1], sizeof(what[1]), "relay of %.150s", plan->name);
	/* Side by side: a start waits for them. */
	for (int i = 0; i < 2; i++) {
		callers[i] = start_scope(&scopes[i]);
		if (callers[i] < 0)
			log_warn("busctl: %s; %s has no scope of its own in %s",
				 strerror(errno), what[i], SLICE);
	}
	for (int i = 0; i < 2; i++) {
		if (callers[i] > 0 && wait_for(callers[i]) != 0)
			log_warn("systemd did not take the %s into %s (busctl: see the "
				 "line above)",
				 what[i], SLICE);
	}
}

static int put(const char *dir, const char *file, const char *value)
{
	cleanup_fd int fd = -1;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -1;
	return 0;
}

static void name_group(const struct plan *plan, char path[128])
{
	snprintf(path, 128, ROOT "/" SLICE "/relay-%u", plan->guest_domid);
}

static void enter_group(const struct plan *plan, pid_t relay)
{
	static const char *const controllers[] = {"+cpu", "+memory", "+pids"};
	static const struct {
		const char *file, *value;
	} bounds[] = {
		{"cpu.weight", CPU_WEIGHT},
		{"cpu.max", "50000 100000"},
		{"memory.max", MEMORY_MAX},
		{"pids.max", TASKS_MAX},
	};
	char path[128];
	char pid[16];

	mkdir(ROOT "/" SLICE, 0755);
	/* A kernel without one of them has the others. */
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
		put(ROOT, "cgroup.subtree_control", controllers[i]);
		put(ROOT "/" SLICE, "cgroup.subtree_control", controllers[i]);
	}
	name_group(plan, path);
	snprintf(pid, sizeof(pid), "%d", (int)relay);
	if ((mkdir(path, 0755) < 0 && errno != EEXIST) ||
	    put(path, "cgroup.procs", pid) < 0) {
		log_warn("%s: %s; only the relay's own limits hold", path,
			 strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		if (put(path, bounds[i].file, bounds[i].value) < 0)
			log_info("%s/%s: %s", path, bounds[i].file, strerror(errno));
	}
}

void domain_cgroup_enter(const struct plan *plan, pid_t relay, pid_t guardian)
{
	if (has_systemd())
		enter_scopes(plan, relay, guardian);
	else if (has_version_2())
		enter_group(plan, relay);
}

void domain_cgroup_remove(const struct plan *plan)
{
	char path[128];

	name_group(plan, path);
	if (!has_systemd())
		rmdir(path);
}
