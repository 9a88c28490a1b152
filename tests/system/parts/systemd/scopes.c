/* SPDX-License-Identifier: MIT */
/* The three processes of a launcher, without Xen: they go where a launcher's go, and wait.
 * The caller is let go when they are there, as by `xl create`.  usage: scopes GUEST DOMID */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "domain/cgroup.h"

static _Noreturn void stay(void)
{
	for (;;)
		pause();
}

static pid_t start(const char *name)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_NAME, name);
	stay();
}

int main(int argc, char **argv)
{
	struct plan plan = {0};
	int ready[2];
	char byte;

	if (argc != 3 || pipe(ready) < 0)
		return 2;
	plan.name = argv[1];
	plan.guest_domid = (uint32_t)strtoul(argv[2], NULL, 10);
	if (fork() != 0) {
		close(ready[1]);
		return read(ready[0], &byte, 1) == 1 ? 0 : 1;
	}
	setsid();
	prctl(PR_SET_NAME, "stubdom-dm");
	domain_cgroup_enter(&plan, start("stubdom-relay"), start("stubdom-guard"));
	if (write(ready[1], "r", 1) != 1)
		return 1;
	close(ready[1]);
	stay();
}
