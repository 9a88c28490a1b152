/* SPDX-License-Identifier: MIT */
/* PID 1 of the stub domain: from the boot contract to a running QEMU and its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi/boot.h"
#include "answer.h"
#include "boot_contract.h"
#include "channel.h"
#include "cleanup.h"
#include "clock.h"
#include "console.h"
#include "disks.h"
#include "events.h"
#include "ioreq.h"
#include "meminfo.h"
#include "net.h"
#include "qemu.h"
#include "report.h"
#include "setup.h"
#include "start_log.h"
#include "xs.h"

enum {
	CONTRACT_MAX = 1024 * 1024,
	DRAIN_MS = 2000, /* for QEMU's last output */
	KILL_MS = 20000, /* between SIGTERM and SIGKILL, when asked to shut down */
};

#define TOKEN_STATE "state"
#define TOKEN_END "end"
#define TOKEN_ASK "ask"

static volatile sig_atomic_t child_died, asked_to_end;

static void on_signal(int sig)
{
	if (sig == SIGCHLD)
		child_died = 1;
	else
		asked_to_end = 1;
}

/* Blocked except in ppoll, so that none is missed between a check and the wait. */
static void catch_signals(void)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGPWR};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int read_contract(struct boot_contract *boot, struct err *err)
{
	cleanup_free char *text = malloc(CONTRACT_MAX);
	cleanup_fd int fd = open("/" STUBDOM_BOOT_FILE, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (!text)
		return err_set(err, ERR_STUB, "out of memory");
	if (fd < 0)
		return err_errno(err, ERR_STUB, errno,
				 "/" STUBDOM_BOOT_FILE ": not in the ramdisk");
	while ((n = read(fd, text + len, CONTRACT_MAX - len)) > 0)
		len += (size_t)n;
	if (n < 0 || len == CONTRACT_MAX)
		return err_errno(err, ERR_STUB, n < 0 ? errno : EFBIG,
				 "/" STUBDOM_BOOT_FILE);
	return boot_contract_parse(text, len, boot, err);
}

struct agent {
	struct boot_contract boot;
	char state_path[64];
	bool incoming;	/* QEMU listens for a saved state, and dom0 has been told */
	bool announced; /* QEMU wrote that it runs */
	bool running;	/* and dom0 has been told */
	bool xenstore_ok;
	int64_t channels_ms; /* their offering took */
	int64_t kill_at;     /* 0: nobody asked QEMU to end */
	bool leaves;	     /* another QEMU has the guest */
};

static int start(struct agent *agent, struct err *err)
{
	if (read_contract(&agent->boot, err) < 0)
		return -1;
	report_stage(STUBDOM_STAGE_DISKS);
	if (disks_wait(&agent->boot, err) < 0 || setup_modules_end(err) < 0)
		return -1;
	if (setup_root(agent->boot.qemu_path, err) < 0)
		return -1;
	report_stage(STUBDOM_STAGE_NET);
	if (net_setup(&agent->boot, err) < 0)
		return -1;
	report_stage(STUBDOM_STAGE_QEMU);
	if (qemu_start(&agent->boot, err) < 0)
		return -1;
	/* xenstore's answers from here on cost no time: QEMU starts meanwhile. */
	report_stage(STUBDOM_STAGE_CHANNELS);
	agent->channels_ms = clock_ms();
	if (channels_open(&agent->boot, err) < 0)
		return -1;
	agent->channels_ms = clock_ms() - agent->channels_ms;
	/* QEMU writes its state below the stub domain's own path. */
	snprintf(agent->state_path, sizeof(agent->state_path), "device-model/%u/state",
		 agent->boot.guest_domid);
	if (xs_client_watch(agent->state_path, TOKEN_STATE, err) < 0 ||
	    xs_client_watch(STUBDOM_XS_END, TOKEN_END, err) < 0 ||
	    xs_client_watch(STUBDOM_XS_ASK, TOKEN_ASK, err) < 0)
		return -1;
	return 0;
}

/* For `stubdom blame`. */
static void report_start(const struct agent *agent)
{
	const struct xs_waits waits = xs_client_waits();
	unsigned long long reads, kb;

	report_line(START_LOG_LINKED, (long long)qemu_linked_ms(),
		    (unsigned)agent->boot.n_channels, (long long)agent->channels_ms,
		    waits.n, (long long)waits.ms);
	if (meminfo_read("NubDiskReads", &reads) && meminfo_read("NubDiskRead", &kb))
		report_line(START_LOG_DISK, reads, kb);
}

static void end_qemu(struct agent *agent)
{
	if (agent->kill_at)
		return;
	report_line("asked to shut down");
	agent->kill_at = clock_ms() + KILL_MS;
	qemu_signal(SIGTERM);
}

/*
 * A QEMU that ends by itself takes the cable out of each NIC.  An e1000 raises its
 * interrupt then, and the QEMU that has the guest now would never lower it.
 */
static void leave_guest(struct agent *agent)
{
	report_line("asked to leave the guest to another QEMU");
	agent->leaves = true;
	agent->kill_at = clock_ms() + KILL_MS;
	qemu_signal(SIGKILL);
}

static void handle_event(struct agent *agent, const char *token)
{
	char value[64];
	struct err err;

	if (!strcmp(token, TOKEN_STATE) &&
	    xs_client_read(agent->state_path, value, sizeof(value), &err) == 0 &&
	    !strcmp(value, "running"))
		agent->announced = true;
	if (!strcmp(token, TOKEN_END) &&
	    xs_client_read(STUBDOM_XS_END, value, sizeof(value), &err) == 0 && value[0]) {
		if (!strcmp(value, STUBDOM_END_NOW))
			leave_guest(agent);
		else
			end_qemu(agent);
	}
	if (!strcmp(token, TOKEN_ASK) && answer(&err) < 0)
		report_line("answering: %s", err.msg);
}

static void handle_events(struct agent *agent)
{
	char token[32];
	int got;

	while ((got = xs_client_event(token, sizeof(token))) > 0)
		handle_event(agent, token);
	if (got < 0) {
		report_line("xenstore: %s", strerror(errno));
		agent->xenstore_ok = false;
	}
}

/* Linux's own words name QEMU and its memory, but no remedy. */
static void report_shortage(struct err *err)
{
	unsigned long long total = 0, root = 0, slab = 0;

	meminfo_read("MemTotal", &total);
	meminfo_read("Unevictable", &root);
	meminfo_read("Slab", &slab);
	report_line(
		"memory: %llu KiB; QEMU had %ld, the root has %llu, the kernel's heap "
		"%llu",
		total, qemu_peak_kb(), root, slab);
	err_set(err, ERR_STUB,
		"QEMU ended (%s): out of memory; give the stub domain more (memory=)",
		qemu_how_ended());
}

/* QEMU is gone: says how, passes on its last words, and ends the domain. */
static _Noreturn void finish(struct agent *agent)
{
	const int64_t end = clock_ms() + DRAIN_MS;
	const bool wanted = agent->kill_at || (agent->running && qemu_ended_well());
	struct err err;

	if (agent->leaves)
		ioreq_give_up(agent->boot.guest_domid);
	/* Ends with the pipe; a child that QEMU left behind may keep it open. */
	while (qemu_output_fd() >= 0 && clock_ms() < end)
		if (!qemu_read_output())
			clock_wait_ms(5);
	channels_close(DRAIN_MS);
	report_exit(qemu_how_ended());
	if (!wanted && qemu_ended_by(SIGKILL) && meminfo_was_short()) {
		report_shortage(&err);
		report_error(&err);
	} else if (!wanted) {
		err_set(&err, ERR_STUB, "QEMU ended (%s): %s", qemu_how_ended(),
			qemu_last_line()[0] ? qemu_last_line() : "it said nothing");
		report_error(&err);
	}
	report_stage(STUBDOM_STAGE_EXITED);
	report_power_off();
}

enum { PFD_XENSTORE, PFD_OUTPUT, PFD_CONSOLE, PFD_EVENTS, PFD_CHANNELS };

static void wait_and_serve(struct agent *agent)
{
	struct pollfd pfds[PFD_CHANNELS + CHANNEL_POLL_MAX * STUBDOM_CHANNELS_MAX];
	int timeout_ms = -1;
	struct timespec timeout;
	sigset_t none;
	size_t n;

	pfds[PFD_XENSTORE] = (struct pollfd){
		.fd = agent->xenstore_ok ? xs_client_fd() : -1, .events = POLLIN};
	pfds[PFD_OUTPUT] = (struct pollfd){.fd = qemu_output_fd(), .events = POLLIN};
	pfds[PFD_CONSOLE] = (struct pollfd){.fd = console_poll_fd(), .events = POLLOUT};
	pfds[PFD_EVENTS] = (struct pollfd){.fd = events_fd(), .events = POLLIN};
	n = channels_poll(&pfds[PFD_CHANNELS], &timeout_ms);
	if (agent->kill_at) {
		int64_t left = agent->kill_at - clock_ms();

		if (left < 0)
			left = 0;
		if (timeout_ms < 0 || left < timeout_ms)
			timeout_ms = (int)left;
	}
	timeout = (struct timespec){timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	sigemptyset(&none);
	if (ppoll(pfds, PFD_CHANNELS + n, timeout_ms < 0 ? NULL : &timeout, &none) < 0)
		for (size_t i = 0; i < PFD_CHANNELS + n; i++)
			pfds[i].revents = 0; /* a signal */

	if (pfds[PFD_OUTPUT].revents)
		qemu_read_output();
	if (pfds[PFD_CONSOLE].revents)
		console_write();
	if (pfds[PFD_EVENTS].revents)
		events_read();
	/* Events may also have come in while a request waited for its answer. */
	if (agent->xenstore_ok)
		handle_events(agent);
	channels_run(&pfds[PFD_CHANNELS], n);
}

static _Noreturn void supervise(struct agent *agent)
{
	for (;;) {
		wait_and_serve(agent);
		if (!agent->incoming && !agent->running && channels_incoming()) {
			agent->incoming = true;
			report_stage(STUBDOM_STAGE_INCOMING);
		}
		/* Not before serial ports are connected: nothing of the guest is lost. */
		if (agent->announced && !agent->running && channels_ready()) {
			agent->running = true;
			events_open();
			report_stage(STUBDOM_STAGE_RUNNING);
			report_start(agent);
		}
		if (asked_to_end) {
			asked_to_end = 0;
			end_qemu(agent);
		}
		if (agent->kill_at && clock_ms() >= agent->kill_at) {
			qemu_signal(SIGKILL);
			agent->kill_at += KILL_MS;
		}
		if (child_died) {
			child_died = 0;
			if (qemu_reap())
				finish(agent);
		}
	}
}

int main(void)
{
	static struct agent agent = {.xenstore_ok = true};
	struct err err = {0};

	if (getpid() != 1) {
		fprintf(stderr, "stubdom-agent " STUBDOM_VERSION
				": runs as PID 1 of a stub domain only\n");
		return ERR_USAGE;
	}
	catch_signals();
	if (setup_mounts(&err) < 0)
		report_fatal(&err);
	console_open();
	if (xs_client_open(&err) < 0)
		report_fatal(&err);
	report_stage(STUBDOM_STAGE_BOOT);
	setup_settings();
	if (setup_modules_begin(&err) < 0 || start(&agent, &err) < 0)
		report_fatal(&err);
	supervise(&agent);
}
