/* SPDX-License-Identifier: MIT */
/* Gives up every privilege that moving bytes does not need. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Room for the dearest QMP message (tests/unit/launcher/test_qmp_memory.c), four times over. */
#define MEMORY_MAX ((rlim_t)128 * 1024 * 1024)
/* Channels, their clients and rings, and the descriptors that clients pass. */
#define FDS_MAX 1024

enum { NICE = 5 };

/*
 * A namespace that the kernel was built without is not there to be left.  The one of
 * process ids is the launcher's to make (clone).  None of users: entering one gives
 * capabilities over it, and the relay has none to lose.
 */
static int leave_namespaces(struct err *err)
{
	static const struct {
		const char *name;
		int flag;
	} all[] = {{"mnt", CLONE_NEWNS},
		   {"net", CLONE_NEWNET},
		   {"ipc", CLONE_NEWIPC},
		   {"uts", CLONE_NEWUTS},
		   {"cgroup", CLONE_NEWCGROUP}};
	char path[64];
	int flags = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", all[i].name);
		if (access(path, F_OK) == 0)
			flags |= all[i].flag;
	}
	if (!(flags & CLONE_NEWNS))
		return err_set(err, ERR_HOST, "/proc/self/ns: is /proc mounted?");
	if (unshare(flags) < 0)
		return err_errno(err, ERR_HOST, errno,
				 "leaving dom0's namespaces (is a limit in "
				 "/proc/sys/user/max_*_namespaces reached?)");
	return 0;
}

/* An empty file system, mounted over a directory that is there, becomes the root. */
static int empty_root(struct err *err)
{
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/run", "tmpfs", flags, "size=4k,nr_inodes=2,mode=0555") < 0 ||
	    chdir("/run") < 0)
		return err_errno(err, ERR_HOST, errno, "mounting an empty root");
	/* The old root on the new one, then away (pivot_root(2)).  EINVAL: an initramfs. */
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return err_errno(err, ERR_HOST, errno, "leaving dom0's root");
	} else if (errno != EINVAL || chroot(".") < 0) {
		return err_errno(err, ERR_HOST, errno, "changing to an empty root");
	}
	return chdir("/") == 0 ? 0 : err_errno(err, ERR_HOST, errno, "the empty root");
}

static int become_user(uid_t uid, struct err *err)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return err_errno(err, ERR_HOST, errno, "becoming user %u", uid);
	return 0;
}

static int bound_resources(rlim_t file_bytes, struct err *err)
{
	const struct {
		int resource;
		rlim_t most;
	} limits[] = {
		{RLIMIT_AS, MEMORY_MAX},    {RLIMIT_NOFILE, FDS_MAX},
		{RLIMIT_CORE, 0},	    {RLIMIT_NPROC, 0},
		{RLIMIT_MEMLOCK, 0},	    {RLIMIT_MSGQUEUE, 0},
		{RLIMIT_FSIZE, file_bytes}, {RLIMIT_NICE, 0},
		{RLIMIT_RTPRIO, 0},
	};
	const struct sched_param none = {0};

	/* A write that would be too long is to fail, as on a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit limit = {limits[i].most, limits[i].most};

		if (setrlimit(limits[i].resource, &limit) < 0)
			return err_errno(err, ERR_HOST, errno, "bounding the resources");
	}
	/* Moves bytes when others have had their turn; a wake-up preempts nobody. */
	if (sched_setscheduler(0, SCHED_BATCH, &none) < 0 ||
	    setpriority(PRIO_PROCESS, 0, NICE) < 0)
		return err_errno(err, ERR_HOST, errno, "the share of the CPU");
	return 0;
}

int relay_sandbox_drop(uid_t uid, rlim_t file_bytes, struct err *err)
{
	if (leave_namespaces(err) < 0 || empty_root(err) < 0 ||
	    bound_resources(file_bytes, err) < 0 || become_user(uid, err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(err, ERR_HOST, errno, "giving up new privileges");
	return relay_landlock_enter(err);
}

int relay_sandbox_enter(uid_t uid, rlim_t file_bytes, struct err *err)
{
	if (relay_sandbox_drop(uid, file_bytes, err) < 0 ||
	    relay_sandbox_check(uid, err) < 0)
		return -1;
	return relay_filter_load(err);
}
