/* SPDX-License-Identifier: MIT */
/* The bounds of the relay: the process that reads the stub domain's bytes. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "security.h"
#include "xenstore_util.h"

enum {
	NULL_DEVICE_MAJOR = 1,
	NULL_DEVICE_MINOR = 3,
	TTY_MAJOR = 5,
	PTY_MAJOR = 136,
	PTY_MAJOR_LAST = 143
};

/* Without a relay nothing holds, and nothing needs to. */
static bool no_relay(const struct security_subject *subject,
		     struct security_result *result)
{
	if (subject->relay)
		return false;
	security_say(result, SECURITY_NOT_HELD, "there is no relay");
	return true;
}

/* A field of /proc/PID/status, or the result says that it cannot be read. */
static bool read_status(const struct security_subject *subject, const char *key,
			char *out, size_t size, struct security_result *result)
{
	if (no_relay(subject, result))
		return false;
	if (security_field(subject, subject->relay, "status", key, out, size) == 0)
		return true;
	security_say(result, SECURITY_UNKNOWN, "this kernel's /proc does not show %s",
		     key);
	return false;
}

/* Real, effective, saved and of the file system: the same, or -1. */
static long same_id(const char *four)
{
	long ids[4];

	if (sscanf(four, "%ld %ld %ld %ld", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
		return -1;
	return ids[0] == ids[1] && ids[1] == ids[2] && ids[2] == ids[3] ? ids[0] : -1;
}

/* Another process of that user; 0: none. */
static pid_t find_other(const struct security_subject *subject, long uid)
{
	const struct dirent *entry;
	DIR *dir = opendir(subject->proc);
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		char four[128];

		if (isdigit((unsigned char)entry->d_name[0]) && pid != subject->relay &&
		    security_field(subject, pid, "status", "Uid", four, sizeof(four)) ==
			    0 &&
		    atol(four) == uid)
			found = pid;
	}
	if (dir)
		closedir(dir);
	return found;
}

void security_relay_user(const struct security_subject *subject,
			 struct security_result *result)
{
	char four[128];
	pid_t other;
	long uid;

	if (!read_status(subject, "Uid", four, sizeof(four), result))
		return;
	uid = same_id(four);
	if (uid <= 0) {
		security_say(result, SECURITY_NOT_HELD, "it can be user %s", four);
		return;
	}
	other = find_other(subject, uid);
	if (other)
		security_say(result, SECURITY_NOT_HELD,
			     "user %ld is also process %d's: either can signal the other",
			     uid, (int)other);
	else
		security_say(result, SECURITY_HELD, "user %ld, no other process's", uid);
}

void security_relay_groups(const struct security_subject *subject,
			   struct security_result *result)
{
	char four[128], more[256];
	long gid;

	if (!read_status(subject, "Gid", four, sizeof(four), result) ||
	    !read_status(subject, "Groups", more, sizeof(more), result))
		return;
	gid = same_id(four);
	more[strcspn(more, " ")] = '\0';
	if (gid > 0 && !*more)
		security_say(result, SECURITY_HELD, "group %ld and no other", gid);
	else
		security_say(result, SECURITY_NOT_HELD, "groups %s %s", four, more);
}

void security_relay_capabilities(const struct security_subject *subject,
				 struct security_result *result)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd",
					   "CapAmb"};
	char value[64];

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (!read_status(subject, sets[i], value, sizeof(value), result))
			return;
		if (strspn(value, "0") != strlen(value)) {
			security_say(result, SECURITY_NOT_HELD, "%s is %s", sets[i],
				     value);
			return;
		}
	}
	security_say(result, SECURITY_HELD, "none, in all five sets");
}

void security_relay_new_privileges(const struct security_subject *subject,
				   struct security_result *result)
{
	char value[16];

	if (!read_status(subject, "NoNewPrivs", value, sizeof(value), result))
		return;
	if (strcmp(value, "1") == 0)
		security_say(result, SECURITY_HELD, "no program can give it new ones");
	else
		security_say(result, SECURITY_NOT_HELD, "NoNewPrivs is %s", value);
}

void security_relay_seccomp(const struct security_subject *subject,
			    struct security_result *result)
{
	char mode[16], filters[16] = "1";

	if (!read_status(subject, "Seccomp", mode, sizeof(mode), result))
		return;
	security_field(subject, subject->relay, "status", "Seccomp_filters", filters,
		       sizeof(filters));
	if (strcmp(mode, "2") == 0 && atoi(filters) > 0)
		security_say(result, SECURITY_HELD,
			     "a list of system calls (launcher/sandbox/filter.c)");
	else
		security_say(result, SECURITY_NOT_HELD, "mode %s, %s filters", mode,
			     filters);
}

/* The namespace that a process is in; "": the kernel has none of that kind. */
static void read_namespace(const struct security_subject *subject, pid_t pid,
			   const char *kind, char out[64])
{
	char name[32], path[512];
	ssize_t len;

	snprintf(name, sizeof(name), "ns/%s", kind);
	len = readlink(security_path(subject, pid, name, path, sizeof(path)), out, 63);
	out[len > 0 ? len : 0] = '\0';
}

void security_relay_namespaces(const struct security_subject *subject,
			       struct security_result *result)
{
	static const char *const kinds[] = {"mnt", "net", "ipc", "uts", "cgroup", "pid"};
	char own[128] = "", shared[128] = "";

	if (no_relay(subject, result))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char there[64], here[64], *to;

		read_namespace(subject, subject->relay, kinds[i], there);
		read_namespace(subject, subject->guest->launcher, kinds[i], here);
		if (!*here)
			continue;
		to = *there && strcmp(there, here) != 0 ? own : shared;
		snprintf(to + strlen(to), 127 - strlen(to), " %s", kinds[i]);
	}
	if (!*own && !*shared)
		security_say(result, SECURITY_UNKNOWN, "/proc does not show them");
	else if (*shared)
		security_say(result, SECURITY_NOT_HELD, "shares dom0's%s", shared);
	else
		security_say(result, SECURITY_HELD, "its own:%s", own);
}

void security_relay_root(const struct security_subject *subject,
			 struct security_result *result)
{
	const struct dirent *entry;
	char path[512];
	DIR *dir;

	if (no_relay(subject, result))
		return;
	security_path(subject, subject->relay, "root/", path, sizeof(path));
	dir = opendir(path);
	if (!dir) {
		security_say(result, SECURITY_UNKNOWN, "%s: %s", path, strerror(errno));
		return;
	}
	security_say(result, SECURITY_HELD, "an empty folder");
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			security_say(result, SECURITY_NOT_HELD, "there is %s in its root",
				     entry->d_name);
	closedir(dir);
}

void security_relay_landlock(const struct security_subject *subject,
			     struct security_result *result)
{
	cleanup_free char *version = NULL;

	if (no_relay(subject, result))
		return;
	/* Linux shows nobody whether a process is under Landlock, and lets none out of it. */
	if (subject->xs)
		version = xenstore_read(subject->xs,
					STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_LANDLOCK,
					subject->guest->domid);
	if (!version)
		security_say(result, SECURITY_UNKNOWN,
			     "the relay's launcher has not written what it found");
	else if (strcmp(version, "0") == 0)
		security_say(result, SECURITY_UNKNOWN,
			     "dom0's kernel has no Landlock (lsm= on its command line)");
	else
		security_say(
			result, SECURITY_HELD,
			"version %.10s: the relay tried it at its start, and it is for "
			"life",
			version);
}

/* The kind of a file that no relay should have open; NULL: it may. */
static const char *odd_file(const char *link, const struct stat *st)
{
	unsigned dev = major(st->st_rdev);

	if (S_ISDIR(st->st_mode))
		return "a folder";
	if (S_ISBLK(st->st_mode))
		return "a block device";
	if (!S_ISCHR(st->st_mode))
		return NULL;
	if (dev == NULL_DEVICE_MAJOR && minor(st->st_rdev) == NULL_DEVICE_MINOR)
		return NULL;
	if (dev == TTY_MAJOR || (dev >= PTY_MAJOR && dev <= PTY_MAJOR_LAST))
		return NULL;
	/* Their powers are cut to the doorbell by the list of system calls. */
	if (strcmp(link, "/dev/xen/gntdev") == 0 || strcmp(link, "/dev/xen/evtchn") == 0)
		return NULL;
	return "a device";
}

void security_relay_files(const struct security_subject *subject,
			  struct security_result *result)
{
	const struct dirent *entry;
	char path[512];
	unsigned n = 0, files = 0;
	DIR *dir;

	if (no_relay(subject, result))
		return;
	security_path(subject, subject->relay, "fd", path, sizeof(path));
	dir = opendir(path);
	if (!dir) {
		security_say(result, SECURITY_UNKNOWN, "%s: %s", path, strerror(errno));
		return;
	}
	while ((entry = readdir(dir))) {
		const char *odd;
		struct stat st;
		char link[256];
		ssize_t len;

		if (*entry->d_name == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		link[len > 0 ? len : 0] = '\0';
		n++;
		files += S_ISREG(st.st_mode) != 0;
		odd = odd_file(link, &st);
		if (odd) {
			security_say(result, SECURITY_NOT_HELD, "it has %s open: %s", odd,
				     link);
			closedir(dir);
			return;
		}
	}
	closedir(dir);
	security_say(result, SECURITY_HELD,
		     "%u open, no folder and no device but channels' and terminals'; %u "
		     "regular files, which the caller named or passed",
		     n, files);
}

void security_relay_limits(const struct security_subject *subject,
			   struct security_result *result)
{
	static const struct {
		const char *name;
		unsigned long long most; /* soft and hard; 0: exactly */
	} limits[] = {{"Max address space", 512ULL << 20},
		      {"Max open files", 4096},
		      {"Max processes", 0},
		      {"Max core file size", 0}};

	if (no_relay(subject, result))
		return;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		char value[128];
		unsigned long long hard;

		if (security_field(subject, subject->relay, "limits", limits[i].name,
				   value, sizeof(value)) < 0) {
			security_say(result, SECURITY_UNKNOWN, "/proc does not show '%s'",
				     limits[i].name);
			return;
		}
		if (sscanf(value, "%*s %llu", &hard) != 1 || hard > limits[i].most) {
			value[strcspn(value, " ")] = '\0';
			security_say(result, SECURITY_NOT_HELD, "%s: %s", limits[i].name,
				     value);
			return;
		}
	}
	security_say(result, SECURITY_HELD,
		     "address space, descriptors, no new process, no core file");
}

/*
 * A process that cannot be dumped belongs to root in /proc: no other of its user reads
 * it.
 */
void security_relay_memory(const struct security_subject *subject,
			   struct security_result *result)
{
	char path[512];
	struct stat st;

	if (no_relay(subject, result))
		return;
	security_path(subject, subject->relay, "mem", path, sizeof(path));
	if (stat(path, &st) < 0)
		security_say(result, SECURITY_UNKNOWN, "%s: %s", path, strerror(errno));
	else if (st.st_uid == 0)
		security_say(result, SECURITY_HELD, "no user but root can look into it");
	else
		security_say(result, SECURITY_NOT_HELD, "user %u can look into it",
			     st.st_uid);
}

/* Field 19 of /proc/PID/stat is nice, field 41 the policy (proc_pid_stat(5)). */
void security_relay_cpu(const struct security_subject *subject,
			struct security_result *result)
{
	char path[512], line[1024] = "";
	const char *at;
	long nice = 0, policy = 0;

	if (no_relay(subject, result))
		return;
	security_path(subject, subject->relay, "stat", path, sizeof(path));
	{
		cleanup_file FILE *f = fopen(path, "re");

		at = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	}
	for (int field = 2; at && field < 41; field++) {
		at = strchr(at + 1, ' ');
		if (at && field == 18)
			nice = atol(at + 1);
		if (at && field == 40)
			policy = atol(at + 1);
	}
	if (!at)
		security_say(result, SECURITY_UNKNOWN, "%s cannot be read", path);
	else if (policy == SCHED_BATCH && nice > 0)
		security_say(result, SECURITY_HELD, "SCHED_BATCH, nice %ld: after others",
			     nice);
	else
		security_say(result, SECURITY_NOT_HELD, "policy %ld, nice %ld: as others",
			     policy, nice);
}

/* The one of cgroup v2, as seen from dom0: "0::PATH". */
void security_relay_group(const struct security_subject *subject,
			  struct security_result *result)
{
	char group[256], wanted[64];

	if (no_relay(subject, result))
		return;
	snprintf(wanted, sizeof(wanted), "/relay-%u", subject->guest->domid);
	if (security_field(subject, subject->relay, "cgroup", "0", group, sizeof(group)) <
		    0 ||
	    strcmp(group, "/") == 0)
		security_say(result, SECURITY_UNKNOWN,
			     "dom0 uses no control groups (v2)");
	else if (strlen(group) >= strlen(wanted) &&
		 strcmp(group + strlen(group) - strlen(wanted), wanted) == 0)
		security_say(result, SECURITY_HELD,
			     "%s: CPU, memory and processes bounded", group);
	else
		security_say(result, SECURITY_NOT_HELD,
			     "it is in %s, and not in a group of its own", group);
}
