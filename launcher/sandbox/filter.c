/* SPDX-License-Identifier: MIT */
/* The system calls of the relay, each with the part that needs it; any other ends the
 * process. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>

#include <xen/sys/evtchn.h>

#include "sandbox/sandbox.h"

/* One argument that must compare so; op 0: any. */
struct rule {
	int nr;
	unsigned arg;
	enum scmp_compare op;
	uint64_t a, b; /* MASKED_EQ: mask and value */
};

static const struct rule rules[] = {
	{.nr = SCMP_SYS(poll)},	   /* the relay's one place to wait */
	{.nr = SCMP_SYS(read)},	   /* endpoints, console, event channels, inotify */
	{.nr = SCMP_SYS(write)},   /* endpoints, event channels, log */
	{.nr = SCMP_SYS(recvmsg)}, /* QMP clients and the launcher pass descriptors */
	{.nr = SCMP_SYS(sendmsg)}, /* requests to the launcher */
	{.nr = SCMP_SYS(accept4)}, /* clients of listening sockets */
	{.nr = SCMP_SYS(close)},   /* clients, rings, descriptors that were passed */
	{.nr = SCMP_SYS(munmap)},  /* rings of a channel that closed; malloc */
	{.nr = SCMP_SYS(brk)},	   /* malloc */
	{.nr = SCMP_SYS(mremap)},  /* realloc */
	{.nr = SCMP_SYS(madvise)}, /* free gives memory back */
	{.nr = SCMP_SYS(clock_gettime)},   /* where the vDSO has no clock (a PV dom0) */
	{.nr = SCMP_SYS(fstat)},	   /* the type of a descriptor that was passed */
	{.nr = SCMP_SYS(newfstatat)},	   /* the same, as some C libraries ask */
	{.nr = SCMP_SYS(getrandom)},	   /* malloc's and jansson's seeds */
	{.nr = SCMP_SYS(restart_syscall)}, /* poll after SIGSTOP and SIGCONT */
	{.nr = SCMP_SYS(exit_group)},	   /* its end */
	/* abort(), which malloc and the stack protector call: it is to end, and to say so */
	{.nr = SCMP_SYS(rt_sigprocmask)},
	{.nr = SCMP_SYS(rt_sigaction)},
	{.nr = SCMP_SYS(getpid)},
	{.nr = SCMP_SYS(gettid)},
	{.nr = SCMP_SYS(writev)},
	/* Memory that is never code: malloc, the rings of a channel. */
	{.nr = SCMP_SYS(mmap), .arg = 2, .op = SCMP_CMP_MASKED_EQ, .a = PROT_EXEC},
	{.nr = SCMP_SYS(mprotect), .arg = 2, .op = SCMP_CMP_MASKED_EQ, .a = PROT_EXEC},
	/* Of the Xen devices' powers, the doorbell of a channel that is open. */
	{.nr = SCMP_SYS(ioctl), .arg = 1, .op = SCMP_CMP_EQ, .a = IOCTL_EVTCHN_NOTIFY},
	/* Descriptors that clients passed: what can be done with them, another of it. */
	{.nr = SCMP_SYS(fcntl), .arg = 1, .op = SCMP_CMP_EQ, .a = F_GETFL},
	{.nr = SCMP_SYS(fcntl), .arg = 1, .op = SCMP_CMP_EQ, .a = F_DUPFD_CLOEXEC},
};

static int add_rule(scmp_filter_ctx ctx, const struct rule *rule)
{
	const struct scmp_arg_cmp cmp = {rule->arg, rule->op, rule->a, rule->b};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->nr, rule->op ? 1 : 0,
				      &cmp);
}

/* abort() raises SIGABRT: in this thread only. */
static int allow_abort(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp self[] = {
		SCMP_A0_64(SCMP_CMP_EQ, (uint64_t)getpid()),
		SCMP_A1_64(SCMP_CMP_EQ, (uint64_t)gettid()),
	};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, self);
}

int relay_filter_load(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
					SCMP_ACT_KILL_PROCESS)
		     : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(rules) / sizeof(rules[0]); i++)
		rc = add_rule(ctx, &rules[i]);
	if (rc == 0)
		rc = allow_abort(ctx);
	if (rc == 0)
		rc = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	if (rc)
		return err_errno(err, ERR_HOST, -rc,
				 "filtering the system calls (seccomp)");
	return 0;
}
