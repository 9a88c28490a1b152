/* SPDX-License-Identifier: MIT */
/* Runs a program and takes its output. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int read_to_end(int fd, size_t max, char **out)
{
	size_t size = 4096;
	size_t used = 0;
	char *buf = malloc(size);

	while (buf) {
		char *more;
		ssize_t n = read(fd, buf + used, size - used - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			buf[used] = '\0';
			*out = buf;
			return n == 0 ? 0 : -1;
		}
		used += (size_t)n;
		if (used + 1 < size)
			continue;
		if (size > max) {
			errno = EFBIG;
			break;
		}
		size *= 2;
		more = realloc(buf, size);
		if (!more)
			break;
		buf = more;
	}
	free(buf);
	*out = NULL;
	return -1;
}

static int spawn(char *const argv[], int out, int quiet, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
					 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (quiet)
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
						 O_WRONLY, 0);
	rc = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int child_output(char *const argv[], size_t max, int quiet, char **out, struct err *err)
{
	int fds[2];
	int status;
	pid_t pid;
	int rc;

	*out = NULL;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, ERR_HOST, errno, "pipe");
	rc = spawn(argv, fds[1], quiet, &pid);
	close(fds[1]);
	if (rc != 0) {
		close(fds[0]);
		return err_errno(err, ERR_HOST, rc, "running %s", argv[0]);
	}
	rc = read_to_end(fds[0], max, out);
	if (rc < 0)
		err_errno(err, ERR_HOST, errno, "reading from %s", argv[0]);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0) {
		free(*out);
		*out = NULL;
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
