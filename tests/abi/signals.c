/* SPDX-License-Identifier: MIT */
/* Signals: handlers, masks, queues, restarts, stacks, signalfd. */
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

static volatile int count, last, code, value;

static void handler(int sig, siginfo_t *info, void *uc)
{
	count++;
	last = sig;
	code = info->si_code;
	value = info->si_value.sival_int;
}

static void install(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigaction(sig, &sa, NULL);
}

static void basics(void)
{
	struct sigaction old;

	count = 0;
	install(SIGUSR1, 0);
	try(raise(SIGUSR1));
	say("count %d last %d code %d", count, last, code);
	try(kill(getpid(), SIGUSR1));
	say("count %d code %d", count, code);
	try(sigaction(SIGUSR1, NULL, &old));
	yes(old.sa_sigaction == handler);
	try(sigaction(SIGKILL, &old, NULL));
	try(sigaction(99, &old, NULL));
	try(kill(getpid(), 99));
	try(kill(999999, 0));
	try(kill(getpid(), 0));
	install(SIGUSR2, SA_RESETHAND);
	raise(SIGUSR2);
	sigaction(SIGUSR2, NULL, &old);
	yes(old.sa_handler == SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	say("count %d", count);
}

static void masks(void)
{
	sigset_t set, old, pend;

	count = 0;
	install(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	try(sigprocmask(SIG_BLOCK, &set, &old));
	raise(SIGUSR1);
	raise(SIGUSR1);
	say("blocked: %d", count);
	sigpending(&pend);
	try(sigismember(&pend, SIGUSR1));
	try(sigprocmask(SIG_SETMASK, &old, NULL));
	say("after: %d", count);
	try(sigprocmask(77, &set, NULL));
	try(syscall(SYS_rt_sigprocmask, 0, &set, NULL, 4));
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, NULL, &pend);
	try(sigismember(&pend, SIGKILL));
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void queued(void)
{
	union sigval v;
	sigset_t set, old;
	siginfo_t info;
	int rt = SIGRTMIN + 2;

	sigemptyset(&set);
	sigaddset(&set, rt);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 1; i <= 3; i++) {
		v.sival_int = i;
		sigqueue(getpid(), rt, v);
	}
	raise(SIGUSR1);
	for (int i = 0; i < 4; i++) {
		int r = sigwaitinfo(&set, &info);

		say("%s code %d value %d",
		    r == rt	   ? "rt"
		    : r == SIGUSR1 ? "usr1"
				   : "?",
		    info.si_code, r == rt ? info.si_value.sival_int : 0);
	}
	try(sigtimedwait(&set, &info, &(struct timespec){0, 1000000}));
	try(sigtimedwait(&set, &info, &(struct timespec){0, -1}));
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Each `ms`, 0: no more. One that comes before the call that it is for is not the last. */
static void alarm_each(int ms)
{
	struct itimerval it = {{0, ms * 1000}, {0, ms * 1000}};

	setitimer(ITIMER_REAL, &it, NULL);
}

static void alarm_once(int ms)
{
	struct itimerval it = {{0, 0}, {0, ms * 1000}};

	setitimer(ITIMER_REAL, &it, NULL);
}

static void interrupting(void)
{
	struct timespec left = {0, 0};
	char c;
	int p[2];

	pipe(p);
	install(SIGALRM, 0);
	alarm_each(150);
	try(read(p[0], &c, 1));
	try(nanosleep(&(struct timespec){60, 0}, &left));
	yes(left.tv_sec > 30 && left.tv_sec < 60);
	try(poll(NULL, 0, 60000));
	try(pause());
	install(SIGALRM, SA_RESTART);
	try(poll(NULL, 0, 60000));
	try(nanosleep(&(struct timespec){60, 0}, NULL));
	alarm_each(0);
	if (!fork()) {
		usleep(600000); /* behind the signal */
		write(p[1], "x", 1);
		_exit(0);
	}
	count = 0;
	alarm_once(150);
	try(read(p[0], &c, 1));
	say("handler ran %d", count);
	wait(NULL);
}

static void suspend(void)
{
	sigset_t block, none, now;

	count = 0;
	install(SIGUSR1, 0);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	try(sigsuspend(&none));
	say("count %d", count);
	sigprocmask(SIG_BLOCK, NULL, &now);
	try(sigismember(&now, SIGUSR1));
	raise(SIGUSR1);
	try(ppoll(NULL, 0, NULL, &none));
	say("count %d", count);
	sigprocmask(SIG_UNBLOCK, &block, NULL);
}

static char stack_mem[65536];
static volatile int on_alt, nested_depth;

static void alt_handler(int sig)
{
	char here;
	stack_t ss;

	on_alt = &here > stack_mem && &here < stack_mem + sizeof(stack_mem);
	sigaltstack(NULL, &ss);
	say("flags on the stack %d", ss.ss_flags);
	try(sigaltstack(&ss, NULL));
}

static void altstack(void)
{
	stack_t ss = {.ss_sp = stack_mem, .ss_size = sizeof(stack_mem)}, old;
	struct sigaction sa = {.sa_handler = alt_handler, .sa_flags = SA_ONSTACK};

	try(sigaltstack(&ss, &old));
	say("was %d", old.ss_flags);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	say("on alternate stack %d", on_alt);
	ss.ss_size = 100;
	try(sigaltstack(&ss, NULL));
	ss.ss_flags = 64;
	try(sigaltstack(&ss, NULL));
	ss = (stack_t){.ss_flags = SS_DISABLE};
	try(sigaltstack(&ss, NULL));
	raise(SIGUSR1);
	say("on alternate stack %d", on_alt);
}

static void nest_handler(int sig)
{
	if (++nested_depth < 3)
		raise(sig);
	say("depth %d", nested_depth);
}

static void nesting(void)
{
	struct sigaction sa = {.sa_handler = nest_handler, .sa_flags = SA_NODEFER};

	nested_depth = 0;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	nested_depth = 0;
	sa.sa_flags = 0;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

static void change_context(int sig, siginfo_t *info, void *ucv)
{
	ucontext_t *uc = ucv;

	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
	uc->uc_mcontext.gregs[REG_RBX] = 4242;
}

static void context(void)
{
	struct sigaction sa = {.sa_sigaction = change_context, .sa_flags = SA_SIGINFO};
	double d = 1.5;
	long rbx = 0;

	sigaction(SIGILL, &sa, NULL);
	__asm__ volatile("ud2" : "+b"(rbx), "+x"(d));
	say("rbx %ld, sse %.1f", rbx, d);
	signal(SIGILL, SIG_DFL);
}

static sigjmp_buf jump;

static void jump_handler(int sig)
{
	siglongjmp(jump, sig);
}

static void faults(void)
{
	int sig, status;
	volatile int zero = 0;

	signal(SIGFPE, jump_handler);
	signal(SIGILL, jump_handler);
	signal(SIGSEGV, jump_handler);
	signal(SIGTRAP, jump_handler);
	sig = sigsetjmp(jump, 1);
	if (!sig)
		say("%d", 1 / zero);
	say("divide %d", sig);
	sig = sigsetjmp(jump, 1);
	if (!sig)
		__asm__ volatile("ud2");
	say("ud2 %d", sig);
	sig = sigsetjmp(jump, 1);
	if (!sig)
		__asm__ volatile("hlt");
	say("hlt %d", sig);
	sig = sigsetjmp(jump, 1);
	if (!sig)
		__asm__ volatile("int3");
	say("int3 %d", sig);
	sig = sigsetjmp(jump, 1);
	if (!sig)
		__asm__ volatile("outb %%al, $0x80" ::"a"(0));
	say("out %d", sig);
	sig = sigsetjmp(jump, 1);
	if (!sig)
		__asm__ volatile("int $0x81");
	say("int 0x81 %d", sig);
	/* On Intel's CPUs this is Linux's way in for 32-bit programs, and this program
	 * then dies at the return.  Elsewhere it is a fault. */
	if (!fork()) {
		signal(SIGILL, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		__asm__ volatile("sysenter" ::"a"(-1) : "memory");
		_exit(0);
	}
	wait(&status);
	say("sysenter %d", WIFSIGNALED(status));
}

static void deaths(void)
{
	static const int sigs[] = {SIGSEGV, SIGTERM, SIGKILL, SIGABRT,
				   SIGUSR1, SIGALRM, SIGHUP};
	int status;

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		pid_t pid = fork();

		if (!pid) {
			signal(sigs[i], SIG_DFL);
			kill(getpid(), sigs[i]);
			_exit(3);
		}
		waitpid(pid, &status, 0);
		say("%d: signaled %d %d", sigs[i], WIFSIGNALED(status), WTERMSIG(status));
	}
	if (!fork()) {
		signal(SIGCHLD, SIG_DFL);
		signal(SIGURG, SIG_DFL);
		kill(getpid(), SIGCHLD);
		kill(getpid(), SIGURG);
		_exit(4);
	}
	wait(&status);
	say("exit %d", WEXITSTATUS(status));
}

static void fd(void)
{
	struct signalfd_siginfo si[3];
	sigset_t set;
	struct pollfd pf;
	union sigval v = {.sival_int = 9};
	int f;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	try(read(f, si, sizeof(si)));
	pf = (struct pollfd){f, POLLIN, 0};
	try(poll(&pf, 1, 0));
	raise(SIGUSR2);
	sigqueue(getpid(), SIGUSR1, v);
	try(poll(&pf, 1, 0));
	try(read(f, si, 10));
	try(read(f, si, sizeof(si)) / sizeof(si[0]));
	for (int i = 0; i < 2; i++)
		say("signo %d code %d pid %d int %d", si[i].ssi_signo, si[i].ssi_code,
		    (int)si[i].ssi_pid == getpid(),
		    si[i].ssi_code == SI_QUEUE ? si[i].ssi_int : 0);
	sigdelset(&set, SIGUSR2);
	try(signalfd(f, &set, 0) == f);
	raise(SIGUSR2);
	try(poll(&pf, 1, 0));
	try(signalfd(-1, &set, 0x1234));
	signal(SIGUSR2, SIG_IGN);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGUSR2, SIG_DFL);
}

static volatile int tid_seen;

static void thread_handler(int sig)
{
	tid_seen = gettid();
}

static void *sleeper(void *arg)
{
	*(volatile int *)arg = gettid();
	while (!tid_seen)
		usleep(1000);
	return NULL;
}

static void threads(void)
{
	volatile int tid = 0;
	pthread_t t;

	signal(SIGUSR1, thread_handler);
	pthread_create(&t, NULL, sleeper, (void *)&tid);
	while (!tid)
		usleep(1000);
	try(pthread_kill(t, SIGUSR1));
	pthread_join(t, NULL);
	yes(tid_seen == tid);
	try(syscall(SYS_tgkill, getpid(), 999999, 0));
	try(syscall(SYS_tgkill, getpid(), -1, 0));
	try(syscall(SYS_tgkill, getpid(), gettid(), 0));
}

ABI_CASES({"basics", basics}, {"masks", masks}, {"queued", queued},
	  {"interrupting", interrupting}, {"suspend", suspend}, {"altstack", altstack},
	  {"nesting", nesting}, {"context", context}, {"faults", faults},
	  {"deaths", deaths}, {"signalfd", fd}, {"threads", threads})
