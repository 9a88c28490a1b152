/* SPDX-License-Identifier: MIT */
/* The launcher's side of the relay: start it, hear from it, stop it. */
#include "domain/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

/* Resolving a host name and connecting to it are the slow parts. */
enum { READY_MS = 30000, STOP_MS = 2000 };

static const struct relay no_relay = {.pidfd = -1, .control = -1, .log.fd = -1};

int relay_start(struct relay *relay, const struct plan *plan, struct err *err)
{
	int pair[2];
	int log[2];

	*relay = no_relay;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, ERR_HOST, errno, "making a socket pair");
	if (pipe2(log, O_CLOEXEC | O_NONBLOCK) < 0) {
		err_errno(err, ERR_HOST, errno, "making a pipe");
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	relay->pid = fork();
	if (relay->pid == 0) {
		prctl(PR_SET_NAME, "stubdom-relay");
		close(pair[0]);
		if (dup2(log[1], STDERR_FILENO) < 0)
			_exit(ERR_HOST);
		_exit(relay_main(plan, pair[1]));
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

int relay_go(struct relay *relay, struct err *err)
{
	struct relay_msg msg = {.type = RELAY_GO};
	struct pollfd pfd = {.fd = relay->control, .events = POLLIN};
	int fds[RELAY_FDS_MAX];

	if (relay_msg_send(relay->control, &msg, NULL, 0) < 0 ||
	    poll(&pfd, 1, READY_MS) != 1 ||
	    relay_msg_receive(relay->control, &msg, fds) != 1) {
		relay_log_drain(&relay->log);
		return err_set(err, ERR_HOST,
			       "the relay did not get ready; see the lines above");
	}
	if (msg.type == RELAY_FAILED)
		return err_set(err, msg.code, "%s", msg.text);
	if (msg.type != RELAY_READY)
		return err_set(err, ERR_HOST, "the relay spoke out of turn");
	return 0;
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
