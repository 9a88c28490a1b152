/* SPDX-License-Identifier: MIT */
/* The signals that a toolstack, an init or a person ends a QEMU with. */
#include "domain/end_signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

int end_signals_open(struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(err, ERR_HOST, errno, "blocking signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : err_errno(err, ERR_HOST, errno, "catching signals");
}

bool end_signals_came(int signals)
{
	struct pollfd pfd = {.fd = signals, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}
