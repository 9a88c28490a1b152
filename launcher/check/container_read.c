/* SPDX-License-Identifier: MIT */
/* Reads a container's header in a process that can do nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/container.h"
#include "cleanup.h"

/*
 * The child.  The guest's own stub domain has written the container, so its bytes are
 * hostile.  From the prctl on the kernel allows read, write and exit, on these two
 * descriptors.
 */
static void __attribute__((noreturn))
read_header(int file, int result, const char *format, const struct container *want)
{
	static uint8_t data[CONTAINER_HEADER_MAX];
	struct container container = *want;
	size_t len = 0;
	ssize_t n;

	/* In two steps: either may be one of these numbers already. */
	file = fcntl(file, F_DUPFD, 3);
	result = fcntl(result, F_DUPFD, 3);
	if (dup2(file, STDIN_FILENO) == STDIN_FILENO &&
	    dup2(result, STDOUT_FILENO) == STDOUT_FILENO &&
	    close_range(STDERR_FILENO, ~0u, 0) == 0 &&
	    lseek(STDIN_FILENO, 0, SEEK_SET) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0) {
		while (len < sizeof(data) &&
		       (n = read(STDIN_FILENO, data + len, sizeof(data) - len)) > 0)
			len += (size_t)n;
		container_parse(data, len, format, &container);
		(void)!write(STDOUT_FILENO, &container, sizeof(container));
	}
	/* _exit() is exit_group, which the strict mode does not know. */
	for (;;)
		syscall(SYS_exit, 0);
}

static int read_result(int from, struct container *out)
{
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(*out) &&
	       ((n = read(from, (char *)out + len, sizeof(*out) - len)) > 0 ||
		(n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	/* Its answer is checked like anything else that is not ours. */
	out->backing[CONTAINER_NAME_MAX] = '\0';
	out->backing_format[CONTAINER_FORMAT_MAX] = '\0';
	return len == sizeof(*out) && out->fault < CONTAINER_FAULTS &&
			       out->bytes <= INT64_MAX
		       ? 0
		       : -1;
}

static int run_child(int fd, const char *format, struct container *out, struct err *err)
{
	int ends[2], rc;
	pid_t pid;

	if (pipe(ends) < 0)
		return err_errno(err, ERR_HOST, errno, "a pipe");
	pid = fork();
	if (pid == 0)
		read_header(fd, ends[1], format, out);
	close(ends[1]);
	rc = pid < 0 ? -1 : read_result(ends[0], out);
	close(ends[0]);
	if (pid < 0)
		return err_errno(err, ERR_HOST, errno, "a process to read it");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return rc < 0 ? err_set(err, ERR_HOST, "its header could not be read") : 0;
}

int container_read(int fd, const char *path, const char *format, struct container *out,
		   struct err *err)
{
	if (run_child(fd, format, out, err) < 0)
		return err_prefix(err, "%s", path);
	switch ((enum container_fault)out->fault) {
	case CONTAINER_WRONG:
		return err_set(err, ERR_HOST,
			       "%s: is no %s image, or a damaged one; say the format "
			       "that it has (qemu-img info)",
			       path, format);
	case CONTAINER_DATA_FILE:
		return err_set(err, ERR_HOST,
			       "%s: its data is in another file, which is not carried; "
			       "convert it (qemu-img convert -O qcow2)",
			       path);
	case CONTAINER_PARENT:
		return err_set(err, ERR_HOST,
			       "%s: is the difference to another image, which is not "
			       "carried; convert it (qemu-img convert -O vpc)",
			       path);
	default:
		break;
	}
	return 0;
}
