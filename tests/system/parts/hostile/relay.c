/* SPDX-License-Identifier: MIT */
/*
 * A relay that was taken over: our sandbox and foreign code in it.  It asks root's launcher
 * for all that a relay can ask, in wrong ways.  It speaks as somebody else in the log, and
 * ends by a system call that is not its own.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "log.h"
#include "plan/handover.h"
#include "relay/msg.h"
#include "sandbox/sandbox.h"

enum { FILE_BYTES = 64 << 20, WANTS = 10, LINES = 500, WAIT_MS = 120000, KEPT = 16 };

/* Descriptors that it was given, or made before the drop. */
static struct {
	const char *name;
	int fd;
} kept[KEPT];
static int n_kept;
static int control;

static void keep(const char *name, int fd)
{
	if (fd >= 0 && n_kept < KEPT) {
		kept[n_kept].name = name;
		kept[n_kept++].fd = fd;
	}
}

static void make_descriptors(void)
{
	int pair[2];

	if (pipe(pair) == 0)
		keep("pipe", pair[0]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
		keep("socket", pair[0]);
	keep("control", control);
	keep("standard error", STDERR_FILENO);
	keep("empty file", memfd_create("empty", 0));
}

/* The launcher's next message of this type, others' descriptors kept; -1: none came. */
static int hear(enum relay_msg_type type, struct relay_msg *msg)
{
	int64_t until = clock_ms() + WAIT_MS;

	while (clock_ms() < until) {
		struct pollfd pfd = {.fd = control, .events = POLLIN};
		int fds[RELAY_FDS_MAX];
		int rc;

		poll(&pfd, 1, 1000);
		rc = relay_msg_receive(control, msg, fds);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		if (msg->type == RELAY_OFFER) {
			keep("grant", fds[0]);
			keep("event channel", fds[1]);
		}
		if (msg->type == RELAY_CONSOLE)
			keep("console", fds[0]);
		if (msg->type == type)
			return 0;
	}
	return -1;
}

static int say(enum relay_msg_type type, uint32_t channel, const char *text, int fd)
{
	struct relay_msg msg = {.type = type, .channel = channel};

	if (text)
		snprintf(msg.text, sizeof(msg.text), "%s", text);
	while (relay_msg_send(control, &msg, &fd, fd >= 0) < 0) {
		struct pollfd pfd = {.fd = control, .events = POLLOUT};

		if (errno != EAGAIN)
			return -1;
		poll(&pfd, 1, 1000);
	}
	return 0;
}

static void ask(enum relay_msg_type type, uint32_t channel, const char *what,
		const char *text, int fd)
{
	struct relay_msg answer;

	if (say(type, channel, text, fd) < 0 || hear(type, &answer) < 0)
		log_info("hostile: %s: no answer", what);
	else
		log_info("hostile: %s: %s", what, answer.code == 0 ? "done" : "refused");
}

static void ask_all(uint32_t qmp)
{
	/* Questions about a device beyond the first twenty would wait for their turn. */
	static const char *const names[] = {"", "xvda", "../../etc/passwd",
					    "\033[31mxvdz\n", "xvdzzzzzzzzzzzzzzzz"};
	static const char *const sizes[] = {"xvda -1", "xvda", "xvdq 1024",
					    "/etc/passwd 1",
					    "xvda 18446744073709551615 "};
	/* Some are the machine's, none is the guest's. */
	static const char *const devices[] = {"0000:00:02.0", "../../etc/passwd"};
	int given = n_kept;

	for (int i = 0; i < given; i++)
		ask(RELAY_ATTACH, qmp, kept[i].name, "", kept[i].fd);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ask(RELAY_DETACH, qmp, "taking a disk away", names[i], -1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		ask(RELAY_GROW, qmp, "a longer disk", sizes[i], -1);
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		ask(RELAY_LEND, qmp, "a PCI device", devices[i], -1);
}

/* Lines of others, with control characters, without ends. */
static void forge(void)
{
	static char block[4096];

	for (int i = 0; i < LINES; i++) {
		dprintf(STDERR_FILENO,
			"\001stubdom-dm: \033[2J\302\233forged %d\rstubdom-dm: forged\n",
			i);
	}
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 4; i++)
		(void)!write(STDERR_FILENO, block, sizeof(block));
}

static void attack(const struct plan *plan)
{
	struct relay_msg msg;
	uint32_t qmp = 0;

	for (uint32_t i = 0; i < plan->n_channels; i++) {
		if (plan->channels[i].kind == STUBDOM_CHANNEL_QMP)
			qmp = i;
		say(RELAY_WANT, i, NULL, -1);
	}
	hear(RELAY_OFFER, &msg);
	forge();
	ask_all(qmp);
	for (int i = 0; i < WANTS; i++)
		say(RELAY_WANT, (uint32_t)i % (uint32_t)plan->n_channels, NULL, -1);
	log_info("hostile: asked %d times", WANTS);
	log_info("hostile: the end");
}

int main(int argc, char **argv)
{
	struct pollfd pfd = {.events = POLLIN};
	struct relay_msg msg;
	struct plan plan;
	json_t *schema;
	struct err err;
	int fds[RELAY_FDS_MAX];

	log_init("relay", LOG_LEVEL_INFO);
	log_to_pipe();
	signal(SIGPIPE, SIG_IGN);
	if (argc != 5 || plan_take_over(atoi(argv[2]), &plan, &schema, &err) < 0)
		return 1;
	pfd.fd = control = atoi(argv[3]);
	fds_close_except(&control, 1);
	make_descriptors();
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	if (relay_msg_receive(control, &msg, fds) != 1 || msg.type != RELAY_GO ||
	    relay_sandbox_enter((uid_t)strtoul(argv[4], NULL, 10), FILE_BYTES, &err) < 0)
		return 1;
	say(RELAY_READY, 0, NULL, -1);
	attack(&plan);
	syscall(SYS_execve, "/bin/sh", NULL, NULL);
	_exit(0);
}
