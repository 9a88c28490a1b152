/* SPDX-License-Identifier: MIT */
/* Bounds of a relay's CPU and memory, kept by the kernel, even for one that was taken
 * over. */
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
#define CPU_PERCENT 50
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

/* busctl: no library of systemd's in a process of root's for one call. */
static void enter_scope(const struct plan *plan, pid_t relay)
{
	static const char manager[] = "org.freedesktop.systemd1";
	char unit[64];
	char what[200];
	char pid[16];
	char quota[16];
	char *const argv[] = {
		"busctl",
		"--system",
		"--quiet",
		"call",
		(char *)manager,
		"/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager",
		"StartTransientUnit",
		"ssa(sv)a(sa(sv))",
		unit,
		"fail",
		"8",
		"Description",
		"s",
		what,
		"Slice",
		"s",
		SLICE,
		/* At the host's end systemd stops it after what saves or shuts down guests. */
		"Before",
		"as",
		"2",
		"xendomains.service",
		"virt-guest-shutdown.target",
		"PIDs",
		"au",
		"1",
		pid,
		"CPUWeight",
		"t",
		CPU_WEIGHT,
		"CPUQuotaPerSecUSec",
		"t",
		quota,
		"MemoryMax",
		"t",
		MEMORY_MAX,
		"TasksMax",
		"t",
		TASKS_MAX,
		"0",
		NULL,
	};
	char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	pid_t child;

	snprintf(unit, sizeof(unit), "qemu-stubdom-relay-%u.scope", plan->guest_domid);
	snprintf(what, sizeof(what), "relay of %.150s", plan->name);
	snprintf(pid, sizeof(pid), "%d", (int)relay);
	snprintf(quota, sizeof(quota), "%d", CPU_PERCENT * 10000);
	errno = posix_spawnp(&child, argv[0], NULL, NULL, argv, environment);
	if (errno || wait_for(child) != 0)
		log_warn(
			"systemd did not take the relay into %s (busctl: %s); only its own "
			"limits hold",
			SLICE, errno ? strerror(errno) : "see the line above");
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

void domain_cgroup_enter(const struct plan *plan, pid_t relay)
{
	if (has_systemd())
		enter_scope(plan, relay);
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
