/* SPDX-License-Identifier: MIT */
/* The guardian: removes the leftovers of a launcher that was killed. */
#include "domain/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "domain/host.h"
#include "domain/undo.h"
#include "fds.h"
#include "log.h"

enum {
	SCRIPTS_MS = 30000, /* longer than a hot-plug script takes */
	STOP_MS = 5000,
	TRIES = 10,
	TRY_MS = 1000,
};

static bool wait_readable(int fd, int timeout_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, timeout_ms) == 1;
}

/* True: the launcher tidied up by itself. False: it is gone. */
static bool wait_for_launcher(int control)
{
	char byte;
	ssize_t n;

	do {
		n = read(control, &byte, 1);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

static void clean_up(const struct guardian *guardian, const struct plan *plan,
		     const libxl_uuid *uuid)
{
	const struct orphan orphan = {.why = "stubdom-dm was killed",
				      .code = ERR_HOST,
				      .manifest = guardian->manifest,
				      .signals = -1};
	struct domain_host host = {.freed_kb = guardian->freed_kb};
	struct err err;
	int rc = -1;

	for (int i = 0; i < TRIES && rc < 0; i++) {
		rc = domain_host_open(&host, &err);
		if (domain_undo(&host, plan, uuid, NULL, &orphan, &err) < 0)
			rc = -1;
		if (rc < 0) {
			log_warn("%s; trying again", err.msg);
			poll(NULL, 0, TRY_MS);
		}
	}
	if (rc < 0)
		log_error("%s", err.msg);
	else
		log_info("removed what it left");
}

/* guardian: with the ends that are ours. */
static int guardian_main(const struct guardian *guardian, const struct plan *plan,
			 const libxl_uuid *uuid, int relay_pidfd)
{
	int keep[] = {guardian->control, guardian->lifeline, relay_pidfd};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "stubdom-guard");
	log_init("guardian", plan->log);
	fds_close_except(keep, sizeof(keep) / sizeof(keep[0]));
	if (wait_for_launcher(guardian->control))
		return 0;
	log_warn("the launcher of %s was killed", plan->name);
	if (relay_pidfd >= 0) {
		pidfd_send_signal(relay_pidfd, SIGKILL, NULL, 0);
		wait_readable(relay_pidfd, STOP_MS);
	}
	/*
	 * A block script that still runs would attach its loop device after the
	 * domain that it is for was removed.
	 */
	wait_readable(guardian->lifeline, SCRIPTS_MS);
	/* libxl waits for its scripts. */
	sigdelset(&all, SIGCHLD);
	sigprocmask(SIG_SETMASK, &all, NULL);
	clean_up(guardian, plan, uuid);
	return 0;
}

int guardian_start(struct guardian *guardian, const struct plan *plan,
		   const libxl_uuid *uuid, libxl_ctx *libxl, int relay_pidfd,
		   struct err *err)
{
	int control[2] = {-1, -1};
	int lifeline[2] = {-1, -1};

	*guardian = (struct guardian){.pidfd = -1,
				      .control = -1,
				      .lifeline = -1,
				      .freed_kb = guardian->freed_kb,
				      .manifest = guardian->manifest};
	/* The lifeline's writing end goes to the scripts: not close-on-exec. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
	    pipe(lifeline) < 0)
		goto fail;
	fcntl(lifeline[0], F_SETFD, FD_CLOEXEC);
	guardian->pid = fork();
	if (guardian->pid < 0)
		goto fail;
	if (guardian->pid == 0) {
		if (libxl)
			libxl_postfork_child_noexec(libxl);
		close(control[0]);
		close(lifeline[1]);
		guardian->control = control[1];
		guardian->lifeline = lifeline[0];
		_exit(guardian_main(guardian, plan, uuid, relay_pidfd));
	}
	close(control[1]);
	close(lifeline[0]);
	guardian->control = control[0];
	guardian->lifeline = lifeline[1];
	guardian->pidfd = pidfd_open(guardian->pid, 0);
	return 0;
fail:
	err_errno(err, ERR_HOST, errno, "starting the guardian");
	guardian->pid = 0;
	for (int i = 0; i < 2; i++) {
		if (control[i] >= 0)
			close(control[i]);
		if (lifeline[i] >= 0)
			close(lifeline[i]);
	}
	return -1;
}

void guardian_forget(struct guardian *guardian)
{
	if (guardian->pid > 0) {
		while (waitpid(guardian->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (guardian->pidfd >= 0)
		close(guardian->pidfd);
	if (guardian->control >= 0)
		close(guardian->control);
	if (guardian->lifeline >= 0)
		close(guardian->lifeline);
	*guardian = (struct guardian){.pidfd = -1,
				      .control = -1,
				      .lifeline = -1,
				      .freed_kb = guardian->freed_kb,
				      .manifest = guardian->manifest};
}

void guardian_stop(struct guardian *guardian)
{
	if (guardian->control >= 0)
		(void)!write(guardian->control, "t", 1);
	guardian_forget(guardian);
}
