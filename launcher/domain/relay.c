/* SPDX-License-Identifier: MIT */
/* The launcher's side of the relay: start it, hear from it, stop it. */
#include "domain/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "plan/handover.h"
#include "proc_status.h"

#define PROGRAM STUBDOM_LIBEXECDIR "/stubdom-relay"

enum { STOP_MS = 2000 };

static const struct relay no_relay = {.pidfd = -1, .control = -1, .log.fd = -1};

static void keep_at_exec(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

/* The new process, which has our memory until it is the relay. */
static void become_relay(const struct relay *relay, const struct plan *plan, int plan_fd,
			 int control)
{
	char *const environment[] = {NULL};
	char fds[2][16];
	char uid[16];
	char *const argv[] = {"stubdom-relay", plan->name, fds[0], fds[1], uid, NULL};

	snprintf(fds[0], sizeof(fds[0]), "%d", plan_fd);
	snprintf(fds[1], sizeof(fds[1]), "%d", control);
	snprintf(uid, sizeof(uid), "%u", relay->uid);
	keep_at_exec(plan_fd);
	keep_at_exec(control);
	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_endpoint *end = &plan->channels[i].endpoint;

		if (end->type == PLAN_ENDPOINT_FD)
			keep_at_exec(end->fd);
	}
	execve(PROGRAM, argv, environment);
	dprintf(STDERR_FILENO, "relay: error: %s: %s\n", PROGRAM, strerror(errno));
	_exit(ERR_HOST);
}

/* fork(), into process ids of its own if this kernel has such a thing. */
static pid_t clone_process(void)
{
	unsigned long flags = SIGCHLD;

	if (access("/proc/self/ns/pid", F_OK) == 0)
		flags |= CLONE_NEWPID;
	return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

int relay_start(struct relay *relay, const struct plan *plan, const json_t *schema,
		struct err *err)
{
	cleanup_fd int plan_fd = plan_hand_over(plan, schema, err);
	int pair[2];
	int log[2];

	*relay = no_relay;
	relay->uid = plan->uid_base + plan->guest_domid;
	if (plan_fd < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, ERR_HOST, errno, "making a socket pair");
	if (pipe2(log, O_CLOEXEC | O_NONBLOCK) < 0) {
		err_errno(err, ERR_HOST, errno, "making a pipe");
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	relay->pid = clone_process();
	if (relay->pid == 0) {
		if (dup2(log[1], STDERR_FILENO) < 0)
			_exit(ERR_HOST);
		become_relay(relay, plan, plan_fd, pair[1]);
	}
	close(pair[1]);
	close(log[1]);
	relay_log_open(&relay->log, log[0]);
	relay->control = pair[0];
	/* A relay that does not listen must not hold us. */
	fcntl(relay->control, F_SETFL, O_NONBLOCK);
	if (relay->pid > 0)
		relay->pidfd = pidfd_open(relay->pid, 0);
	if (relay->pidfd < 0) {
		err_errno(err, ERR_HOST, errno, "starting the relay");
		relay_stop(relay);
		return -1;
	}
	return 0;
}

/* From outside, where the relay's own word does not count. */
static int check_dropped(const struct relay *relay, struct err *err)
{
	static const char *const namespaces[] = {"mnt", "pid", "net",
						 "ipc", "uts", "cgroup"};
	struct proc_status status;

	if (proc_status_read(relay->pid, &status) < 0)
		return err_errno(err, ERR_HOST, errno, "reading /proc/%d/status",
				 (int)relay->pid);
	for (int i = 0; i < 4; i++) {
		if (status.uid[i] != relay->uid || status.gid[i] != relay->uid)
			return err_set(err, ERR_HOST, "the relay is user %u, not %u",
				       status.uid[i], relay->uid);
	}
	if (status.has_groups || status.capabilities || status.no_new_privs != 1 ||
	    status.seccomp != 2)
		return err_set(err, ERR_HOST,
			       "the relay kept privileges (/proc/%d/status: groups, "
			       "capabilities, NoNewPrivs or Seccomp)",
			       (int)relay->pid);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		if (!proc_namespaces_differ(getpid(), relay->pid, namespaces[i]))
			return err_set(err, ERR_HOST,
				       "the relay is in dom0's %s namespace",
				       namespaces[i]);
	}
	return 0;
}

/*
 * Until the relay speaks or has ended.  Connecting to another host may take it long, and
 * all of it takes long on a busy host: the time is the whole start's.
 */
static int wait_ready(const struct relay *relay, const struct plan *plan, int signals,
		      struct err *err)
{
	enum { CONTROL, SIGNALS, N };
	struct pollfd fds[N] = {
		[CONTROL] = {.fd = relay->control, .events = POLLIN},
		[SIGNALS] = {.fd = signals, .events = POLLIN},
	};
	const int64_t until = clock_ms() + (int64_t)plan->timeout_s * 1000;

	for (;;) {
		int64_t left = until - clock_ms();

		if (left <= 0)
			return err_set(
				err, ERR_HOST,
				"the relay was not ready within %u s (is this host "
				"overloaded?); give '-stubdom timeout=SECONDS'",
				plan->timeout_s);
		if (poll(fds, N, (int)left) < 0) {
			if (errno != EINTR)
				return err_errno(err, ERR_HOST, errno, "poll");
			continue;
		}
		if (fds[CONTROL].revents)
			return 0;
		if (fds[SIGNALS].revents)
			return err_set(err, ERR_HOST,
				       "the toolstack ended the start of %s before its "
				       "relay was ready (libxl allows 60 s; is this host "
				       "overloaded?)",
				       plan->name);
	}
}

int relay_go(struct relay *relay, const struct plan *plan, int signals, struct err *err)
{
	struct relay_msg msg = {.type = RELAY_GO};
	int fds[RELAY_FDS_MAX];

	/* One that has ended does not take it, or says nothing. */
	if (relay_msg_send(relay->control, &msg, NULL, 0) == 0 &&
	    wait_ready(relay, plan, signals, err) < 0)
		return -1;
	if (relay_msg_receive(relay->control, &msg, fds) != 1) {
		relay_log_drain(&relay->log);
		return relay_report_end(relay, err);
	}
	if (msg.type == RELAY_FAILED)
		return err_set(err, msg.code, "%s", msg.text);
	if (msg.type != RELAY_READY)
		return err_set(err, ERR_HOST, "the relay spoke out of turn");
	relay->landlock = msg.code > 0 ? msg.code : 0;
	snprintf(relay->ptys, sizeof(relay->ptys), "%.*s", (int)sizeof(msg.text),
		 msg.text);
	return check_dropped(relay, err);
}

int relay_report_end(const struct relay *relay, struct err *err)
{
	siginfo_t info = {0};
	struct pollfd pfd = {.fd = relay->pidfd, .events = POLLIN};

	if (poll(&pfd, 1, STOP_MS) != 1 ||
	    waitid(P_PIDFD, (id_t)relay->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return err_set(err, ERR_HOST, "the relay broke its contract");
	if (info.si_code == CLD_EXITED)
		return err_set(err, ERR_HOST, "the relay ended with status %d",
			       info.si_status);
	/* SIGSYS is the filter's. */
	return err_set(err, ERR_HOST, "the relay was killed: %s%s",
		       strsignal(info.si_status),
		       info.si_status == SIGSYS
			       ? " (a system call that it must not do; see 'dmesg')"
			       : "");
}

void relay_stop(struct relay *relay)
{
	struct pollfd pfd = {.fd = relay->pidfd, .events = POLLIN};

	/* Closing its control socket asks it to deliver what it holds and end. */
	if (relay->control >= 0)
		close(relay->control);
	if (relay->pid > 0) {
		if (relay->pidfd < 0 || poll(&pfd, 1, STOP_MS) != 1)
			kill(relay->pid, SIGKILL);
		while (waitpid(relay->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (relay->pidfd >= 0)
		close(relay->pidfd);
	relay_log_drain(&relay->log);
	relay_log_close(&relay->log);
	*relay = no_relay;
}
