/* SPDX-License-Identifier: MIT */
/* Gives up every privilege that moving bytes does not need. */
#include "relay/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xen/xen.h>

#include <xen/sys/evtchn.h>

/* Room for the JSON tree of a QMP message of the largest size, many times over. */
#define MEMORY_MAX ((rlim_t)512 * 1024 * 1024)

static const int allowed[] = {
	SCMP_SYS(accept4),	 SCMP_SYS(brk),
	SCMP_SYS(clock_gettime), SCMP_SYS(close),
	SCMP_SYS(exit),		 SCMP_SYS(exit_group),
	SCMP_SYS(fstat),	 SCMP_SYS(futex),
	SCMP_SYS(getpid),	 SCMP_SYS(getrandom),
	SCMP_SYS(gettid),	 SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek),	 SCMP_SYS(madvise),
	SCMP_SYS(mremap),	 SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),	 SCMP_SYS(poll),
	SCMP_SYS(ppoll),	 SCMP_SYS(read),
	SCMP_SYS(readv),	 SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),	 SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),	 SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),	 SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),	 SCMP_SYS(shutdown),
	SCMP_SYS(tgkill),	 SCMP_SYS(write),
	SCMP_SYS(writev),
};

static int filter_calls(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	/* Memory that is never code. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* Of the Xen devices' powers, the doorbell of a channel that is open. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_EQ, IOCTL_EVTCHN_NOTIFY));
	/*
	 * Descriptors that clients passed: what can be done with them, and another
	 * of it.
	 */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				      SCMP_A1(SCMP_CMP_EQ, F_GETFL));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				      SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC));
	if (rc == 0)
		rc = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	if (rc)
		return err_errno(err, ERR_HOST, -rc,
				 "filtering the relay's system calls (seccomp)");
	return 0;
}

static int empty_root(struct err *err)
{
	char dir[] = "/run/stubdom-relay-XXXXXX";

	/* A directory that is removed while it is the root stays empty for good. */
	if (!mkdtemp(dir))
		return err_errno(err, ERR_HOST, errno, "making a directory in /run");
	if (chdir(dir) < 0 || rmdir(dir) < 0 || chroot(".") < 0)
		return err_errno(err, ERR_HOST, errno, "emptying the relay's root");
	return 0;
}

static int become_nobody(const struct passwd *user, struct err *err)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (setgroups(0, NULL) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid))
		return err_errno(err, ERR_HOST, errno, "becoming user %s", user->pw_name);
	return 0;
}

static void bound_resources(void)
{
	const struct rlimit none = {0, 0};
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NPROC, &none);
	setrlimit(RLIMIT_AS, &memory);
}

int relay_sandbox_enter(struct err *err)
{
	const struct passwd *user = getpwnam("qemu-stubdom");

	if (!user)
		user = getpwnam("nobody");
	if (!user || user->pw_uid == 0)
		return err_set(
			err, ERR_HOST,
			"there is no user 'qemu-stubdom' nor 'nobody' for the relay");
	if (empty_root(err) < 0 || become_nobody(user, err) < 0)
		return -1;
	bound_resources();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(err, ERR_HOST, errno, "giving up new privileges");
	return filter_calls(err);
}
