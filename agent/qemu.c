/* SPDX-License-Identifier: MIT */
/* The QEMU process: started, listened to, and how it ended. */
#include "qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "console.h"
#include "events.h"

/* ld.so(8) adds the process's number, and writes its times there before main runs. */
#define LINKED_FILE "/run/linked"
#define LINKED_WORDS "total startup time in dynamic loader: "

enum { LINE_BYTES = 1000, LAST_BYTES = 400 };

static struct {
	pid_t pid;
	int64_t spawn_ms;
	uint64_t spawn_tsc;
	int output;
	int status;
	long peak_kb;
	char line[LINE_BYTES];
	size_t line_len;
	char last[LAST_BYTES];
	char how[32];
} qemu = {.pid = -1, .output = -1};

/* The plan's arguments and the agent's own. */
static char **make_argv(const struct boot_contract *boot)
{
	size_t n = 0, more = 0;
	char **argv;

	while (boot->argv[n])
		n++;
	while (events_argv[more])
		more++;
	argv = calloc(n + more + 1, sizeof(*argv));
	for (size_t i = 0; argv && i < n + more; i++)
		argv[i] = i < n ? boot->argv[i] : (char *)events_argv[i - n];
	return argv;
}

static int spawn(const struct boot_contract *boot, char *const argv[], int output)
{
	/* TZ: the stub domain has no time zone; HOME: none, but programs expect one. */
	static char *const env[] = {"PATH=/usr/libexec",
				    "HOME=/",
				    "TZ=UTC0",
				    "LD_DEBUG=statistics",
				    "LD_DEBUG_OUTPUT=" LINKED_FILE,
				    NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	posix_spawn_file_actions_adddup2(&actions, output, 2);
	rc = posix_spawn(&qemu.pid, boot->qemu_path, &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc;
}

int qemu_start(const struct boot_contract *boot, struct err *err)
{
	char **argv = make_argv(boot);
	int pipe_fds[2];
	int rc;

	if (!argv || pipe2(pipe_fds, O_CLOEXEC) < 0) {
		free(argv);
		return err_errno(err, ERR_STUB, errno, "starting QEMU");
	}
	qemu.spawn_ms = clock_ms();
	qemu.spawn_tsc = __builtin_ia32_rdtsc();
	rc = spawn(boot, argv, pipe_fds[1]);
	free(argv);
	close(pipe_fds[1]);
	if (rc != 0) {
		close(pipe_fds[0]);
		return err_errno(err, ERR_STUB, rc, "cannot start %s", boot->qemu_path);
	}
	/* Only the agent's end: QEMU's own output stays blocking. */
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	qemu.output = pipe_fds[0];
	return 0;
}

int64_t qemu_linked_ms(void)
{
	const uint64_t ms = (uint64_t)(clock_ms() - qemu.spawn_ms);
	const uint64_t cycles = __builtin_ia32_rdtsc() - qemu.spawn_tsc;
	char path[64], text[1024];
	const char *at;
	cleanup_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), LINKED_FILE ".%d", (int)qemu.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0 || cycles == 0)
		return -1;
	text[n] = '\0';
	at = strstr(text, LINKED_WORDS);
	if (!at)
		return -1;
	return qemu.spawn_ms +
	       (int64_t)((double)strtoull(at + strlen(LINKED_WORDS), NULL, 10) *
			 (double)ms / (double)cycles);
}

int qemu_output_fd(void)
{
	return qemu.output;
}

static void end_line(void)
{
	if (qemu.line_len == 0)
		return;
	console_line("qemu", qemu.line, qemu.line_len);
	snprintf(qemu.last, sizeof(qemu.last), "%.*s", (int)qemu.line_len, qemu.line);
	qemu.line_len = 0;
}

bool qemu_read_output(void)
{
	char chunk[512];
	ssize_t n = read(qemu.output, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	for (ssize_t i = 0; i < n; i++) {
		if (chunk[i] == '\n' || qemu.line_len == sizeof(qemu.line))
			end_line();
		if (chunk[i] != '\n' && chunk[i] != '\r')
			qemu.line[qemu.line_len++] = chunk[i];
	}
	if (n <= 0) {
		end_line();
		close(qemu.output);
		qemu.output = -1;
	}
	return true;
}

bool qemu_reap(void)
{
	struct rusage used;
	int status;
	pid_t pid;
	bool ended = false;

	while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0) {
		if (pid != qemu.pid)
			continue;
		ended = true;
		qemu.pid = -1;
		qemu.status = status;
		qemu.peak_kb = used.ru_maxrss;
		if (WIFSIGNALED(status))
			snprintf(qemu.how, sizeof(qemu.how), "signal %d",
				 WTERMSIG(status));
		else
			snprintf(qemu.how, sizeof(qemu.how), "exit %d",
				 WEXITSTATUS(status));
	}
	return ended;
}

const char *qemu_how_ended(void)
{
	return qemu.how;
}

bool qemu_ended_by(int sig)
{
	return WIFSIGNALED(qemu.status) && WTERMSIG(qemu.status) == sig;
}

long qemu_peak_kb(void)
{
	return qemu.peak_kb;
}

bool qemu_ended_well(void)
{
	return WIFEXITED(qemu.status) && WEXITSTATUS(qemu.status) == 0;
}

const char *qemu_last_line(void)
{
	return qemu.last;
}

void qemu_signal(int sig)
{
	if (qemu.pid > 0)
		kill(qemu.pid, sig);
}
