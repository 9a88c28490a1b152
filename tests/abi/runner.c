/* SPDX-License-Identifier: MIT */
/* PID 1 for the ABI tests: runs each program of /tests in order, then powers off.  Marker
 * lines around each carry its name and its end. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(const char *name)
{
	char path[300];
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "/tests/%s", name);
	printf("=== begin %s\n", name);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(100);
		execl(path, name, NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	if (WIFEXITED(status))
		printf("=== end %s exit %d\n", name, WEXITSTATUS(status));
	else
		printf("=== end %s signal %d\n", name, WTERMSIG(status));
	fflush(stdout);
}

/* nub's count of calls; Linux has no such file. */
static void show_counts(void)
{
	char line[100];
	FILE *f = fopen("/proc/syscalls", "re");

	printf("=== calls\n");
	while (f && fgets(line, sizeof(line), f))
		fputs(line, stdout);
	printf("=== end of calls\n");
	fflush(stdout);
	if (f)
		fclose(f);
}

int main(void)
{
	struct dirent **list;
	int n;

	mkdir("/tmp", 01777);
	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	n = scandir("/tests", &list, NULL, alphasort);
	for (int i = 0; i < n; i++)
		if (list[i]->d_name[0] != '.')
			run(list[i]->d_name);
	show_counts();
	reboot(RB_POWER_OFF);
	return 0;
}
