/* SPDX-License-Identifier: MIT */
/* stubdom plan: the plan of a running guest, or of a command line, by stubdom-dm. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "guest.h"
#include "verb.h"

#define LAUNCHER BINDIR "/stubdom-dm"
enum { CMDLINE_MAX = 2 << 20 }; /* a process's arguments: at most the stack's quarter */

/* Becomes stubdom-dm --plan with the arguments after argv[0]. */
static int become_launcher(char **argv, int argc, struct err *err)
{
	cleanup_free char **args = calloc((size_t)argc + 3, sizeof(*args));

	if (!args)
		return err_set(err, ERR_HOST, "out of memory");
	args[0] = (char *)LAUNCHER;
	args[1] = (char *)"--plan";
	memcpy(args + 2, argv, (size_t)argc * sizeof(*args));
	execv(LAUNCHER, args);
	return err_errno(err, ERR_HOST, errno, LAUNCHER);
}

static int split(char *text, size_t len, char ***out, int *n)
{
	char **args = calloc(len + 1, sizeof(*args));
	int count = 0;

	if (!args)
		return -1;
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		args[count++] = text + at;
	*out = args;
	*n = count;
	return 0;
}

static int plan_of_guest(const struct guest *guest, struct err *err)
{
	cleanup_free char *text = malloc(CMDLINE_MAX + 1);
	cleanup_free char **args = NULL;
	cleanup_fd int fd = -1;
	size_t used = 0;
	char path[64];
	ssize_t n;
	int argc;

	if (!text)
		return err_set(err, ERR_HOST, "out of memory");
	if (!guest->launcher_alive)
		return err_set(err, ERR_GUEST, "%s: its stubdom-dm is gone", guest->name);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)guest->launcher);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	while ((n = read(fd, text + used, CMDLINE_MAX - used)) > 0)
		used += (size_t)n;
	if (n < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	text[used] = '\0';
	if (split(text, used, &args, &argc) < 0)
		return err_set(err, ERR_HOST, "out of memory");
	if (argc < 1)
		return err_set(err, ERR_HOST, "%s: empty", path);
	return become_launcher(args + 1, argc - 1, err);
}

int verb_plan(int argc, char **argv, struct err *err)
{
	struct guest guest;
	int rc;

	if (argc > 2 && strcmp(argv[1], "--") == 0)
		return become_launcher(argv + 2, argc - 2, err);
	if (argc != 2 || argv[1][0] == '-')
		return verb_usage_error(argv[0], err,
					"expected a GUEST, or -- and QEMU's arguments");
	if (guest_find(argv[1], &guest, err) < 0)
		return -1;
	rc = plan_of_guest(&guest, err);
	guest_free(&guest);
	return rc;
}
