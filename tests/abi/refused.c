/* SPDX-License-Identifier: MIT */
/* Runs on nub only.  Linux would do these, and nub refuses them rather than to take them and
 * do nothing.  docs/syscalls.md says so of each. */
#include "abi.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

static void memory(void)
{
	int anon = MAP_PRIVATE | MAP_ANONYMOUS;

	try(mmap(NULL, 4096, PROT_READ, anon | MAP_GROWSDOWN, -1, 0));
	try(mmap(NULL, 4096, PROT_READ, anon | MAP_HUGETLB, -1, 0));
	try(mmap(NULL, 4096, PROT_READ, anon | MAP_SYNC, -1, 0));
	try(syscall(SYS_memfd_create, "m", 4 /* MFD_HUGETLB */));
}

static void messages(void)
{
	struct mmsghdr mm = {0};
	struct f_owner_ex owner = {F_OWNER_PID, getpid()};
	int s[2], size = 1 << 20;
	char b;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	try(send(s[0], "x", 1, MSG_OOB));
	try(recv(s[1], &b, 1, MSG_OOB));
	try(sendmsg(s[0], &mm.msg_hdr, MSG_OOB));
	try(recvmsg(s[1], &mm.msg_hdr, MSG_OOB));
	try(sendmmsg(s[0], &mm, 1, MSG_OOB));
	try(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){1, 0},
		       sizeof(struct timeval)));
	try(setsockopt(s[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	try(setsockopt(s[0], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	try(fcntl(s[0], F_SETFL, O_ASYNC));
	try(fcntl(s[0], F_SETOWN, getpid()));
	try(fcntl(s[0], F_SETOWN_EX, &owner));
	try(fcntl(s[0], F_SETSIG, SIGUSR1));
	try(fcntl(s[0], F_SETLEASE, F_RDLCK));
	try(fcntl(s[0], F_SETFL, O_DIRECT));
	try(syscall(SYS_pipe2, s, O_DIRECT));
}

static void processes(void)
{
	struct sched_param sp = {0};
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {0};
	struct rlimit l = {10, 10};
	gid_t group = 5;
	int pid;

	try(syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, 0));
	try(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pid, NULL, 0));
	try(setpriority(PRIO_PROCESS, 0, 5));
	try(sched_setscheduler(0, SCHED_BATCH, &sp));
	try(personality(ADDR_NO_RANDOMIZE));
	try(syscall(SYS_capset, &h, d));
	try(prctl(PR_CAPBSET_DROP, 1));
	try(syscall(SYS_setgroups, 1, &group));
	try(setrlimit(RLIMIT_CPU, &l));
	try(setrlimit(RLIMIT_DATA, &l));
	try(setitimer(ITIMER_VIRTUAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL));
	try(timer_create(CLOCK_PROCESS_CPUTIME_ID, NULL, &(timer_t){0}));
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	try(kill(pid, SIGSTOP));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void system_calls(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, 0);
	struct itimerspec it = {{0, 0}, {0, 0}};

	mkdir("/tmp", 0777);
	try(mount("/tmp", "/tmp", NULL, MS_BIND, NULL));
	try(umount2("/tmp", 0));
	try(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	try(syscall(SYS_renameat2, AT_FDCWD, "/tmp", AT_FDCWD, "/dev", 2 /* exchange */));
	try(syscall(SYS_execveat, AT_FDCWD, "/init", NULL, NULL, AT_EMPTY_PATH));
}

int main(int argc, char **argv)
{
	static const struct abi_case cases[] = {{"memory", memory},
						{"messages", messages},
						{"processes", processes},
						{"system", system_calls}};

	abi_main(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
	say("refused done");
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return 0;
}
