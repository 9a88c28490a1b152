/* SPDX-License-Identifier: MIT */
/* The relay's sandbox with foreign code in it: every system call by number against the
 * filter, and attacks on the walls behind the filter. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/uid.h"
#include "proc_status.h"
#include "sandbox/sandbox.h"

enum {
	FILE_BYTES = 4096,
	CALLS = 600,
	X32 = 0x40000000,
	UID = 2130706433,
	TRIED = 77,
	SKIPPED = 77
};

/* The only calls that may return whatever their arguments; kept apart from filter.c. */
static const int any_arguments[] = {
	SYS_read,	SYS_write,	  SYS_close,	      SYS_fstat,
	SYS_poll,	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_writev,
	SYS_munmap,	SYS_brk,	  SYS_mremap,	      SYS_madvise,
	SYS_getpid,	SYS_gettid,	  SYS_accept4,	      SYS_sendmsg,
	SYS_recvmsg,	SYS_exit_group,	  SYS_clock_gettime,  SYS_restart_syscall,
	SYS_newfstatat, SYS_getrandom,
};

static bool may_return(long nr)
{
	/* With these arguments: no memory that is code. */
	if (nr == SYS_mmap || nr == SYS_mprotect)
		return true;
	for (size_t i = 0; i < sizeof(any_arguments) / sizeof(any_arguments[0]); i++) {
		if (any_arguments[i] == nr)
			return true;
	}
	return false;
}

/* The end of a child that did this. */
static int run_child(void (*act)(const long *), const long *args)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		alarm(20);
		/* cmocka's are for its own process. */
		signal(SIGILL, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		act(args);
		_exit(TRIED);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* args: number and arguments of a call that is made behind the filter. */
static void act_call(const long *args)
{
	struct err err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || relay_filter_load(&err) < 0)
		_exit(1);
	syscall(args[0], args[1], args[2], args[3], args[4], args[5], args[6]);
	syscall(SYS_exit_group, TRIED);
}

static int call(long nr, long a, long b, long c)
{
	return run_child(act_call, (const long[]){nr, a, b, c, 0, 0, 0});
}

static void test_every_call(void **state)
{
	for (long nr = 0; nr < CALLS; nr++) {
		int status = call(nr, nr == SYS_exit_group ? TRIED : 0, 0, 0);

		/* uretprobe, uprobe: Linux asks no filter for these, and they do nothing
		   outside of a page that it made for them. */
		if (nr == 335 || nr == 336)
			continue;
		if (was_killed(status) == may_return(nr))
			fail_msg("system call %ld: status %#x", nr, status);
		if (may_return(nr) &&
		    (!WIFEXITED(status) || WEXITSTATUS(status) != TRIED))
			fail_msg("system call %ld: status %#x", nr, status);
	}
}

/* The same numbers by the other doors. */
static void test_other_doors(void **state)
{
	for (long nr = 0; nr < CALLS; nr += 7)
		assert_true(was_killed(call(nr | X32, 0, 0, 0)));
	assert_true(was_killed(call(-1, 0, 0, 0)) || call(-1, 0, 0, 0) == TRIED << 8);
}

static void act_int80(const long *args)
{
	long result;
	struct err err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || relay_filter_load(&err) < 0)
		_exit(1);
	/* getpid of the 32-bit table */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
}

static void test_32_bit(void **state)
{
	int status = run_child(act_int80, NULL);

	/* SIGSEGV: a kernel without that door. */
	assert_true(was_killed(status) ||
		    (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
}

static void test_arguments(void **state)
{
	static const struct {
		long nr, a, b, c;
	} refused[] = {
		{SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC},
		{SYS_mprotect, 0, 4096, PROT_EXEC},
		{SYS_ioctl, 0, TIOCSTI, 0},
		{SYS_ioctl, 0, FIONREAD, 0},
		{SYS_ioctl, 0, (long)0xc0184500, 0}, /* near evtchn's */
		{SYS_fcntl, 0, F_DUPFD, 0},
		{SYS_fcntl, 0, F_SETFL, 0},
		{SYS_fcntl, 0, F_SETOWN, 1},
		{SYS_tgkill, 0, 0, 0},
		{SYS_tgkill, -1, -1, SIGKILL},
		{SYS_tgkill, 1, 1, SIGSTOP},
	};
	long parent = getpid();

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_true(was_killed(
			call(refused[i].nr, refused[i].a, refused[i].b, refused[i].c)));
	assert_true(was_killed(call(SYS_tgkill, parent, parent, SIGSTOP)));
	assert_int_equal(call(SYS_fcntl, 0, F_GETFL, 0), TRIED << 8);
}

static void act_abort(const long *args)
{
	struct err err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || relay_filter_load(&err) < 0)
		_exit(1);
	abort();
}

/* The stack protector's end is its own, so that the log tells it apart. */
static void test_abort(void **state)
{
	int status = run_child(act_abort, NULL);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* Behind the drop, without the filter: each must fail by the other walls. */
/* args: a victim's pid, a file that may be written to. */
static const char *attack(const long *args)
{
	char bytes[FILE_BYTES + 1] = {0};
	const struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0stub"};
	pid_t victim = (pid_t)args[0];
	int pidfd = (int)syscall(SYS_pidfd_open, victim, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct rlimit limit;

	kill(-1, SIGKILL); /* 0 in any case: the victim tells */
	if (kill(victim, 0) == 0 || syscall(SYS_tgkill, victim, victim, SIGSTOP) == 0)
		return "signals";
	if (ptrace(PTRACE_ATTACH, victim, 0, 0) == 0)
		return "ptrace";
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGSTOP, NULL, 0) == 0 ||
	    syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0)
		return "a pidfd";
	if (open("/proc/1/status", O_RDONLY) >= 0 || open("/etc/passwd", O_RDONLY) >= 0 ||
	    open("..", O_RDONLY | O_DIRECTORY) >= 0 || chroot("/") == 0 ||
	    mkdir("/x", 0700) == 0 || mknod("/x", S_IFIFO | 0600, 0) == 0)
		return "files";
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&abstract,
			       offsetof(struct sockaddr_un, sun_path) + 5) == 0)
		return "an abstract socket of dom0";
	if (mount("none", "/", "tmpfs", 0, NULL) == 0 || unshare(CLONE_NEWNS) == 0)
		return "mounts";
	if (unshare(CLONE_NEWUSER) == 0 && setuid(0) == 0)
		return "a user namespace";
	if (sethostname("x", 1) == 0 || setpriority(PRIO_PROCESS, 0, -1) == 0)
		return "host name or priority";
	if (fork() >= 0)
		return "another process";
	if (write((int)args[1], bytes, sizeof(bytes)) != FILE_BYTES ||
	    write((int)args[1], bytes, 1) >= 0 || errno != EFBIG)
		return "a file without end";
	if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_max == RLIM_INFINITY ||
	    sched_getscheduler(0) != SCHED_BATCH)
		return "resources";
	return NULL;
}

static void act_attack(const long *args)
{
	struct err err;
	const char *done;

	if (relay_sandbox_drop(UID, FILE_BYTES, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
	done = attack(args);
	if (done)
		fprintf(stderr, "it could do with: %s\n", done);
	_exit(done ? 2 : TRIED);
}

static pid_t start_victim(int abstract)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setresgid(UID, UID, UID) < 0 || setresuid(UID, UID, UID) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	return pid;
}

/* Even against a process of the same user. */
static void test_attacks(void **state)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "\0stub"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int file = memfd_create("passed", MFD_CLOEXEC);
	pid_t victim;
	int status;

	assert_int_equal(bind(fd, (const struct sockaddr *)&addr,
			      offsetof(struct sockaddr_un, sun_path) + 5),
			 0);
	assert_int_equal(listen(fd, 1), 0);
	victim = start_victim(fd);
	status = run_child(act_attack, (const long[]){victim, file});
	assert_int_equal(waitpid(victim, NULL, WNOHANG | WUNTRACED), 0);
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	close(fd);
	close(file);
	assert_int_equal(status, TRIED << 8);
}

static void act_check_dropped(const long *args)
{
	struct err err = {0};
	int rc = relay_sandbox_drop(UID, FILE_BYTES, &err);

	if (rc == 0)
		rc = relay_sandbox_check(UID, &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.msg);
	_exit(rc == 0 ? TRIED : 1);
}

/* Each half of a drop is noticed: args[0] says which is left out. */
static void act_check_half(const long *args)
{
	struct err err = {0};

	if (args[0] != 1 &&
	    (setresgid(UID, UID, UID) < 0 || setresuid(UID, UID, UID) < 0))
		_exit(1);
	if (args[0] != 2)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (args[0] != 3)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	_exit(relay_sandbox_check(UID, &err) < 0 ? TRIED : 1);
}

static void test_check(void **state)
{
	assert_int_equal(run_child(act_check_dropped, NULL), TRIED << 8);
	for (long i = 0; i < 4; i++)
		assert_int_equal(run_child(act_check_half, &i), TRIED << 8);
}

/* The whole of it, seen from outside as the launcher looks at it. */
static void test_from_outside(void **state)
{
	static const char *const namespaces[] = {"mnt", "net", "ipc", "uts", "cgroup"};
	struct proc_status status;
	int ready[2];
	int end[2];
	struct err err;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid = fork();
	if (pid == 0) {
		close(end[1]);
		if (relay_sandbox_enter(UID, FILE_BYTES, &err) < 0)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		(void)!read(end[0], &byte, 1);
		_exit(TRIED);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(proc_status_read(pid, &status), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(status.uid[i], UID);
		assert_int_equal(status.gid[i], UID);
	}
	assert_false(status.has_groups);
	assert_int_equal(status.capabilities, 0);
	assert_int_equal(status.no_new_privs, 1);
	assert_int_equal(status.seccomp, 2);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		assert_true(proc_namespaces_differ(getpid(), pid, namespaces[i]));
		assert_false(proc_namespaces_differ(getpid(), getpid(), namespaces[i]));
	}
	assert_int_equal(proc_status_read(getpid(), &status), 0);
	assert_true(status.capabilities != 0 && status.seccomp == 0);
	close(end[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(end[0]);
}

static void test_uid(void **state)
{
	struct err err;

	assert_true(relay_uid_in_line("user:100000:65536\n", 165535, 1));
	assert_true(relay_uid_in_line("1000:2130706432:1\n", 2130706432, 1));
	assert_false(relay_uid_in_line("user:100000:65536\n", 165536, 1));
	assert_false(relay_uid_in_line("user:100000:65536\n", 99999, 1));
	assert_false(relay_uid_in_line("user:100000\n", 100000, 1));
	assert_false(relay_uid_in_line("", 0, 1));
	assert_true(relay_uid_in_line("user:100010:1\n", 100000, 11));
	assert_false(relay_uid_in_line("user:100010:1\n", 100000, 10));
	assert_false(relay_uid_in_line("user:100005:0\n", 100000, 10));
	assert_int_equal(relay_uids_check(UID, &err), 0);
	assert_int_equal(relay_uids_check(0, &err), -1);
	assert_int_equal(relay_uid_check(UID, &err), 0);
	assert_int_equal(relay_uid_check(0, &err), -1);
	assert_non_null(
		strstr(err.msg, "user root; choose other numbers with uid-base="));
	/* A group alone is somebody's, too: tty. */
	assert_int_equal(relay_uid_check(65534, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call), cmocka_unit_test(test_other_doors),
		cmocka_unit_test(test_32_bit),	   cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_abort),	   cmocka_unit_test(test_attacks),
		cmocka_unit_test(test_check),	   cmocka_unit_test(test_from_outside),
		cmocka_unit_test(test_uid),
	};

	if (geteuid() != 0) {
		fputs("skipped: only root can enter the sandbox\n", stderr);
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
