/* SPDX-License-Identifier: MIT */
/* Processes: fork, exec, wait, identity, limits. */
#include "abi.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>

extern char **environ;
static char self[256];

static void forks(void)
{
	int status, value = 1, p[2];
	char buf[4] = "";
	pid_t pid;

	pipe(p);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		value = 2;
		write(p[1], "ok", 2);
		_exit(getppid() == 0 ? 99 : 42);
	}
	try(waitpid(pid, &status, 0) == pid);
	say("exited %d code %d, value %d", WIFEXITED(status), WEXITSTATUS(status), value);
	read(p[0], buf, 2);
	say("%s", buf);
	try(wait(&status));
	try(waitpid(999999, &status, 0));
	try(waitpid(-1, &status, 0x12340));
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	try(waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	try(waitpid(pid, &status, 0) == pid);
	say("signal %d", WTERMSIG(status));
}

static void waitids(void)
{
	siginfo_t si = {0};
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(7);
	try(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT));
	say("signo %d code %d status %d mine %d", si.si_signo, si.si_code, si.si_status,
	    si.si_pid == pid);
	try(waitid(P_ALL, 0, &si, WEXITED));
	try(waitid(P_ALL, 0, &si, WEXITED));
	try(waitid(P_ALL, 0, &si, 0));
	pid = fork();
	if (!pid) {
		raise(SIGTERM);
		_exit(0);
	}
	try(waitid(P_PID, (id_t)pid, &si, WEXITED));
	say("code %d status %d", si.si_code, si.si_status);
	try(waitid(99, 0, &si, WEXITED));
}

static volatile int chld;

static void on_chld(int sig, siginfo_t *si, void *uc)
{
	chld = si->si_status + si->si_code * 1000;
}

static void sigchld(void)
{
	struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO};
	sigset_t set, old;

	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	fflush(stdout);
	if (!fork())
		_exit(12);
	sigsuspend(&old);
	say("status %d", chld);
	try(wait(NULL) > 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGCHLD, SIG_IGN);
	if (!fork())
		_exit(0);
	try(wait(NULL));
	signal(SIGCHLD, SIG_DFL);
}

static void reparent(void)
{
	int p[2];
	char c = 0;

	pipe(p);
	fflush(stdout);
	if (!fork()) {
		pid_t me = getpid();

		if (!fork()) {
			while (getppid() == me)
				usleep(1000);
			write(p[1], "o", 1);
			_exit(0);
		}
		_exit(0);
	}
	wait(NULL);
	read(p[0], &c, 1);
	say("orphan %c", c);
}

static int run(char *const argv[])
{
	int status;
	pid_t pid;

	fflush(stdout);
	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ))
		return -1;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void ignore_me(int sig)
{
}

static void exec(void)
{
	char *argv[] = {self, "child", "", "two words", NULL};
	char *missing[] = {"/missing", NULL};
	char *envp[] = {"A=1", "B=", NULL};
	int fd, status;

	say("child %d", run(argv));
	say("missing %d %s", run(missing), strerrorname_np(errno));
	try(execve("/tmp", argv, envp));
	try(execve("/dev/null", argv, envp));
	try(execve("", argv, envp));
	try(execve((char *)8, argv, envp));
	try(execve(self, (char **)8, envp));
	fd = open("/tmp/abi-exec", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	write(fd, "garbage", 7);
	close(fd);
	try(execve("/tmp/abi-exec", argv, envp));
	chmod("/tmp/abi-exec", 0644);
	try(execve("/tmp/abi-exec", argv, envp));
	fd = open("/tmp/abi-exec", O_WRONLY | O_TRUNC);
	dprintf(fd, "#!%s  child \n", self);
	close(fd);
	chmod("/tmp/abi-exec", 0755);
	argv[0] = "/tmp/abi-exec";
	say("script %d", run(argv));
	unlink("/tmp/abi-exec");
	fflush(stdout);
	if (!fork()) {
		int keep = dup(1), drop = fcntl(1, F_DUPFD_CLOEXEC, 50);
		char a[16], b[16];
		char *fds[] = {self, "fds", a, b, NULL};

		snprintf(a, sizeof(a), "%d", keep);
		snprintf(b, sizeof(b), "%d", drop);
		signal(SIGUSR1, SIG_IGN);
		signal(SIGUSR2, ignore_me);
		execve(self, fds, envp);
		_exit(99);
	}
	wait(&status);
	say("fds %d", WEXITSTATUS(status));
}

static int child_main(int argc, char **argv)
{
	if (!strcmp(argv[1], "child")) {
		for (int i = 0; i < argc; i++)
			printf("  argument %d: %s\n", i, i ? argv[i] : "self");
		return 11;
	}
	printf("  kept %d dropped %d env %s%s usr1 %d usr2 %d\n",
	       fcntl(atoi(argv[2]), F_GETFD), fcntl(atoi(argv[3]), F_GETFD), environ[0],
	       environ[1], signal(SIGUSR1, SIG_DFL) == SIG_IGN,
	       signal(SIGUSR2, SIG_DFL) == SIG_DFL);
	return 12;
}

static char clone_stack[65536] __attribute__((aligned(16)));
static int shared_value;

static int clone_main(void *arg)
{
	shared_value = (int)(long)arg;
	return 3;
}

static void clones(void)
{
	int status;
	pid_t pid;

	pid = clone(clone_main, clone_stack + sizeof(clone_stack), CLONE_VM | SIGCHLD,
		    (void *)5L);
	try(waitpid(pid, &status, 0) == pid);
	say("shared memory %d, exit %d", shared_value, WEXITSTATUS(status));
	pid = clone(clone_main, clone_stack + sizeof(clone_stack),
		    CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)6L);
	say("after vfork %d", shared_value);
	waitpid(pid, &status, 0);
	try(clone(clone_main, clone_stack + sizeof(clone_stack), CLONE_SIGHAND, NULL));
	try(clone(clone_main, clone_stack + sizeof(clone_stack), CLONE_THREAD, NULL));
	try(syscall(SYS_clone3, NULL, 0));
	try(clone(clone_main, clone_stack + sizeof(clone_stack),
		  CLONE_VM | CLONE_SETTLS | SIGCHLD, NULL, NULL, 0x8000000000000000UL));
}

static void identity(void)
{
	struct utsname u;
	char nm[20] = "";

	yes(getpid() == gettid());
	yes(getpid() == syscall(SYS_getpid));
	say("uid %d %d %d %d", getuid(), geteuid(), getgid(), getegid());
	try(setuid(0));
	try(getpgid(999999));
	fflush(stdout);
	if (!fork()) {
		try(setsid() == getpid());
		try(setsid());
		try(getpgrp() == getpid());
		try(getsid(0) == getpid());
		try(setpgid(0, 0));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	try(prctl(PR_SET_NAME, "a-name-longer-than-15"));
	try(prctl(PR_GET_NAME, nm));
	say("%s", nm);
	try(prctl(12345));
	try(prctl(PR_SET_DUMPABLE, 5));
	try(prctl(PR_CAPBSET_READ, 1));
	try(prctl(PR_CAPBSET_READ, 64));
	uname(&u);
	say("%s %s", u.sysname, u.machine);
	try(uname(NULL));
}

static void limits(void)
{
	struct rlimit r;
	struct rusage ru;

	try(getrlimit(RLIMIT_STACK, &r));
	say("stack %ld", (long)r.rlim_cur);
	try(getrlimit(99, &r));
	r = (struct rlimit){10, 5};
	try(setrlimit(RLIMIT_NOFILE, &r));
	try(getrusage(RUSAGE_SELF, &ru));
	try(getrusage(99, &ru));
	say("pages %ld ticks %ld", sysconf(_SC_PAGESIZE), sysconf(_SC_CLK_TCK));
	try(sched_yield());
	try(sched_getscheduler(0));
	try(sched_get_priority_max(SCHED_FIFO));
	try(sched_get_priority_min(99));
}

int main(int argc, char **argv)
{
	static const struct abi_case cases[] = {
		{"fork", forks},	{"waitid", waitids}, {"sigchld", sigchld},
		{"reparent", reparent}, {"exec", exec},	     {"clone", clones},
		{"identity", identity}, {"limits", limits},
	};

	if (argc > 1 && (!strcmp(argv[1], "child") || !strcmp(argv[1], "fds")))
		return child_main(argc, argv);
	self[readlink("/proc/self/exe", self, sizeof(self) - 1)] = 0;
	return abi_main(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
