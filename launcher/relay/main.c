/* SPDX-License-Identifier: MIT */
/* The relay process: acquire, drop, run until the launcher closes the control socket. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check/uid.h"
#include "clock.h"
#include "fds.h"
#include "log.h"
#include "plan/handover.h"
#include "proc_status.h"
#include "relay/job.h"
#include "relay/msg.h"
#include "relay/state.h"
#include "relay/switch.h"
#include "sandbox/sandbox.h"

enum {
	FLUSH_MS = 1000, /* for clients to take the last bytes at the end */
	FLUSH_TICK_MS = 100,
	OOM_SCORE = 500,
};

static void keep_fds(const struct plan *plan, int control)
{
	int *keep = calloc(plan->n_channels + 1, sizeof(*keep));
	bool stdio = false;

	if (!keep)
		return;
	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_endpoint *end = &plan->channels[i].endpoint;

		keep[i] = end->type == PLAN_ENDPOINT_FD ? end->fd : -1;
		stdio |= end->type == PLAN_ENDPOINT_STDIO;
	}
	/* Standard output may be the log, which is not the relay's to fill. */
	if (!stdio && freopen("/dev/null", "r+", stdout))
		dup2(STDOUT_FILENO, STDIN_FILENO);
	keep[plan->n_channels] = control;
	fds_close_except(keep, plan->n_channels + 1);
	free(keep);
}

/* Files that libraries read once, at their first use. */
static void warm_up(void)
{
	tzset();
	json_object_seed(0);
}

static int say(struct relay_state *state, enum relay_msg_type type, uint32_t channel)
{
	struct relay_msg msg = {.type = type, .channel = channel};

	return relay_msg_send(state->control, &msg, NULL, 0);
}

/* A file that the caller had a port write to may grow; one that a client passed is bounded. */
static rlim_t file_bytes(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		enum plan_endpoint_type type = plan->channels[i].endpoint.type;

		if (type == PLAN_ENDPOINT_FILE || type == PLAN_ENDPOINT_STDIO)
			return RLIM_INFINITY;
	}
	return QMP_TAKE_MAX;
}

/* The ptys of the guest's PV consoles, which the toolstack shows. */
static int name_ptys(const struct relay_state *state, char *text, size_t size,
		     struct err *err)
{
	size_t at = 0;

	for (size_t i = 0; i < state->plan->n_channels; i++) {
		const char *label = state->plan->channels[i].label;
		const struct endpoint *end = &state->channels[i].end;
		int n;

		if (!end->is_pty || !label ||
		    strncmp(label, PLAN_CONSOLE_LABEL, strlen(PLAN_CONSOLE_LABEL)) != 0)
			continue;
		n = snprintf(text + at, size - at, "%s %s\n", label,
			     end->name + strlen("pty:"));
		if (n < 0 || (size_t)n >= size - at)
			return err_set(
				err, ERR_USAGE,
				"channel=: more with connection=pty than can be told "
				"to the toolstack (%zu bytes of names); use "
				"connection=socket",
				size);
		at += (size_t)n;
	}
	return 0;
}

static int get_ready(struct relay_state *state, json_t *schema)
{
	struct relay_msg msg = {.type = RELAY_FAILED};
	char ptys[sizeof(msg.text)] = "";
	/* Later the filter forbids to ask. */
	int landlock = relay_landlock_version();
	struct err err;

	/* The first to go: its end is the guest's device model's only. */
	proc_set_oom_score(OOM_SCORE);
	state->names.schema = &state->schema;
	if (qmp_schema_load(schema, &state->schema, &err) < 0 ||
	    relay_uid_check(state->uid, &err) < 0 || relay_state_open(state, &err) < 0 ||
	    name_ptys(state, ptys, sizeof(ptys), &err) < 0 ||
	    relay_sandbox_enter(state->uid, file_bytes(state->plan), &err) < 0) {
		msg.code = err.code;
		snprintf(msg.text, sizeof(msg.text), "%.*s", (int)sizeof(msg.text) - 1,
			 err.msg);
		relay_msg_send(state->control, &msg, NULL, 0);
		return -1;
	}
	json_decref(schema);
	msg = (struct relay_msg){.type = RELAY_READY, .code = landlock};
	memcpy(msg.text, ptys, sizeof(ptys));
	return relay_msg_send(state->control, &msg, NULL, 0);
}

/* -1: the launcher is gone. */
static int take_control(struct relay_state *state)
{
	struct relay_msg msg;
	int fds[RELAY_FDS_MAX];
	int rc = relay_msg_receive(state->control, &msg, fds);

	if (rc <= 0)
		return rc;
	if (msg.type == RELAY_OFFER && msg.channel < state->plan->n_channels &&
	    fds[0] >= 0 && fds[1] >= 0) {
		msg.offer.grant_fd = fds[0];
		msg.offer.event_fd = fds[1];
		relay_channel_attach(&state->channels[msg.channel], &msg.offer,
				     clock_ms());
		return 0;
	}
	if (msg.type == RELAY_STATE && fds[0] >= 0) {
		relay_channel_restore(&state->channels[state->plan->n_channels - 1],
				      fds[0], clock_ms());
		fds[0] = -1;
	}
	if (msg.type == RELAY_HOLD)
		relay_hold(state, &msg);
	if (msg.type == RELAY_SWITCH) {
		relay_switch(state, fds[0]);
		fds[0] = -1;
	}
	if (msg.type == RELAY_LEFT)
		relay_left(state);
	if (msg.type == RELAY_DIALLED && msg.channel < state->plan->n_channels) {
		relay_channel_dialled(&state->channels[msg.channel], fds[0], clock_ms());
		fds[0] = -1;
	}
	if (msg.type == RELAY_CONSOLE && fds[0] >= 0) {
		relay_console_open(&state->console, fds[0]);
		fds[0] = -1;
	}
	if ((msg.type == RELAY_ATTACH || msg.type == RELAY_DETACH ||
	     msg.type == RELAY_GROW || msg.type == RELAY_RUN || msg.type == RELAY_LEND ||
	     msg.type == RELAY_RETURN) &&
	    msg.channel < state->plan->n_channels) {
		relay_job_hear(&state->channels[msg.channel], msg.channel, state->control,
			       &msg, fds[0]);
		fds[0] = -1;
	}
	for (int i = 0; i < RELAY_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return 0;
}

static int sooner(int a, int b)
{
	return b < 0 || (a >= 0 && a < b) ? a : b;
}

/* Whether somebody in dom0 waits for what the channel says. */
static bool is_heard(const struct relay_channel *channel)
{
	return channel->kind->has_reader(channel) && !channel->end.discards;
}

/* 0: channel i may go on; else after so many ms. */
static int wait_of(struct relay_state *state, size_t i, int64_t now)
{
	const struct relay_channel *channel = &state->channels[i];

	return channel->kind->is_bounded
		       ? 0
		       : budget_wait_ms(&state->budget, i, is_heard(channel), now);
}

/* When there is something to do without an event. */
static int find_timeout(struct relay_state *state, int64_t now)
{
	size_t n = state->plan->n_channels;
	int wait = budget_wait_ms(&state->budget, n, true, now);
	int least = wait > 0 ? wait : -1;

	for (size_t i = 0; i < n; i++) {
		wait = wait_of(state, i, now);
		if (wait == 0)
			wait = relay_channel_timeout(&state->channels[i], now);
		least = sooner(wait, least);
		least = sooner(silence_timeout(&state->channels[i].silence, now), least);
	}
	return least;
}

static bool any_ready(const struct pollfd *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fds[i].revents)
			return true;
	}
	return false;
}

/* -1: the launcher is gone. */
static int serve_channel(struct relay_state *state, size_t i, bool ready, int64_t now)
{
	struct relay_channel *channel = &state->channels[i];
	bool heard = is_heard(channel);
	bool was_open = channel->open;

	if (relay_channel_tick(channel, now) || ready) {
		relay_channel_step(channel, now);
		/* Without a connection to the stub domain the time is the client's. */
		if (channel->kind->is_bounded || !(was_open || channel->open))
			budget_skip(&state->budget, budget_cpu_us());
		else
			budget_charge(&state->budget, i, heard, budget_cpu_us());
	}
	if (relay_channel_wants_dial(channel, now)) {
		if (say(state, RELAY_DIAL, (uint32_t)i) < 0)
			return -1;
		channel->dialling = true;
	}
	if (relay_job_serve(channel, (uint32_t)i, state->control, state->save, now) < 0)
		return -1;
	if (!relay_channel_wants(channel, now))
		return 0;
	if (say(state, RELAY_WANT, (uint32_t)i) < 0)
		return -1;
	channel->asked = true;
	return 0;
}

/* A file that was taken: the job that waits for it hears so, or its client has gone. */
static void check_save(struct relay_state *state, int64_t now)
{
	if (!state->save || !state->save->save.active)
		return;
	for (size_t i = 0; i < state->plan->n_channels; i++) {
		struct relay_channel *channel = &state->channels[i];

		if (channel->qmp.job.need == QMP_NEED_SAVE) {
			channel->busy |= state->save->save.done;
			return;
		}
	}
	relay_channel_end_save(state->save, now);
}

static int tell_silence(struct relay_state *state, uint32_t i, bool silent)
{
	struct relay_msg msg = {.type = RELAY_SILENT, .channel = i, .code = silent};

	if (!state->silent && !silent)
		return 0;
	state->silent = silent;
	return relay_msg_send(state->control, &msg, NULL, 0);
}

/* -1: the launcher is gone. */
static int watch_silence(struct relay_state *state, int64_t now)
{
	for (size_t i = 0; i < state->plan->n_channels; i++) {
		struct relay_channel *channel = &state->channels[i];
		enum silence_news news;

		if (!channel->kind->waits)
			continue;
		news = silence_step(&channel->silence, channel->kind->waits(channel),
				    channel->spoke, now);
		channel->spoke = false;
		if (news != SILENCE_NO_NEWS &&
		    tell_silence(state, (uint32_t)i, news == SILENCE_HOLDS) < 0)
			return -1;
	}
	return 0;
}

/* Descriptors that no command uses go when the last client has gone, as in QEMU. */
static void forget_fds(struct relay_state *state)
{
	for (size_t i = 0; i < state->plan->n_channels; i++) {
		const struct relay_channel *channel = &state->channels[i];

		if (channel->kind->has_fd_sets && endpoint_connected(&channel->end))
			return;
	}
	qmp_fds_free(&state->shared.fds);
}

/*
 * Fills in what to wait for.  Of a channel that has spent its time that is a client who
 * may come, and nothing of the stub domain's.  Returns how many descriptors that are.
 */
static unsigned fill_poll(struct relay_state *state, int64_t now)
{
	size_t n = state->plan->n_channels;
	bool reads = budget_wait_ms(&state->budget, n, true, now) == 0;
	unsigned used = 2;

	state->fds[0] = (struct pollfd){.fd = state->control, .events = POLLIN};
	/* poll skips a negative descriptor. */
	state->fds[1] =
		(struct pollfd){.fd = reads ? state->console.fd : -1, .events = POLLIN};
	for (size_t i = 0; i < n; i++) {
		struct relay_channel *channel = &state->channels[i];
		bool held = wait_of(state, i, now) > 0;

		state->used[i] = 0;
		if (!held || !endpoint_connected(&channel->end))
			state->used[i] = relay_channel_poll(channel, &state->fds[used]);
		/* The stub domain's event channel is the first. */
		if (held && channel->open && state->used[i] > 0)
			state->fds[used].fd = -1;
		used += state->used[i];
	}
	return used;
}

/* -1: the launcher is gone. */
static int serve_channels(struct relay_state *state, int64_t now)
{
	size_t n = state->plan->n_channels;
	unsigned at = 2;

	for (size_t i = 0; i < n; i++) {
		state->ready[i] = any_ready(&state->fds[at], state->used[i]);
		at += state->used[i];
	}
	/* Each is the first in turn, or the common time were the first one's. */
	state->first = n ? (state->first + 1) % n : 0;
	for (size_t k = 0; k < n; k++) {
		size_t i = (state->first + k) % n;

		if (!state->ready[i] && wait_of(state, i, now) > 0)
			continue;
		if (serve_channel(state, i, state->ready[i], now) < 0)
			return -1;
	}
	return 0;
}

static int tell_migrates(struct relay_state *state)
{
	struct relay_msg msg = {.type = RELAY_MIGRATES, .code = state->shared.migrates};

	if (state->told_migrates == state->shared.migrates)
		return 0;
	state->told_migrates = state->shared.migrates;
	return relay_msg_send(state->control, &msg, NULL, 0);
}

/* One round; -1: the launcher is gone. */
static int round_trip(struct relay_state *state)
{
	size_t n = state->plan->n_channels;
	int64_t now = clock_ms();
	unsigned used = fill_poll(state, now);

	if (poll(state->fds, used, find_timeout(state, now)) < 0 && errno != EINTR)
		return -1;
	now = clock_ms();
	if (state->fds[1].revents) {
		relay_console_read(&state->console, now);
		budget_charge(&state->budget, n, true, budget_cpu_us());
	}
	if (serve_channels(state, now) < 0 || watch_silence(state, now) < 0)
		return -1;
	if (tell_migrates(state) < 0 || relay_check_held(state) < 0)
		return -1;
	forget_fds(state);
	check_save(state, now);
	/* Last: a new connection is served in the next round. */
	return state->fds[0].revents ? take_control(state) : 0;
}

/* The stub domain is gone; its last words may still be on their way. */
static void flush_channels(struct relay_state *state)
{
	int64_t until = clock_ms() + FLUSH_MS;
	bool pending = true;

	while (pending && clock_ms() < until) {
		unsigned used = 0;

		pending = false;
		for (size_t i = 0; i < state->plan->n_channels; i++) {
			struct relay_channel *channel = &state->channels[i];

			relay_channel_step(channel, clock_ms());
			if (!relay_channel_pending(channel))
				continue;
			pending = true;
			used += relay_channel_poll(channel, &state->fds[used]);
		}
		if (pending)
			poll(state->fds, used, FLUSH_TICK_MS);
	}
	if (state->console.fd >= 0)
		relay_console_read(&state->console, clock_ms());
}

/* Takes the schema. */
static int run(const struct plan *plan, json_t *schema, int control, uid_t uid)
{
	struct relay_state state = {
		.plan = plan, .uid = uid, .control = control, .console.fd = -1};
	struct pollfd pfd = {.fd = control, .events = POLLIN};
	struct relay_msg msg;
	int fds[RELAY_FDS_MAX];

	keep_fds(plan, control);
	warm_up();
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	/* Nothing is open before the guardian, which would tidy it up, is there. */
	if (relay_msg_receive(control, &msg, fds) != 1 || msg.type != RELAY_GO)
		return ERR_HOST;
	if (get_ready(&state, schema) < 0)
		return ERR_HOST;
	while (round_trip(&state) == 0)
		;
	flush_channels(&state);
	for (size_t i = 0; i < plan->n_channels; i++)
		relay_channel_close(&state.channels[i]);
	return 0;
}

/* NAME, for people only; two descriptors (plan/handover.h, relay/msg.h); a user. */
int main(int argc, char **argv)
{
	json_t *schema;
	struct plan plan;
	struct err err;

	log_init("relay", LOG_LEVEL_INFO);
	log_to_pipe();
	signal(SIGPIPE, SIG_IGN);
	if (argc != 5) {
		fputs("stubdom-relay: started by stubdom-dm, and by nobody else\n",
		      stderr);
		return ERR_USAGE;
	}
	if (plan_take_over(atoi(argv[2]), &plan, &schema, &err) < 0) {
		log_error("%s", err.msg);
		return ERR_HOST;
	}
	log_init("relay", plan.log);
	/* Without what exit() does: the filter does not allow all of it. */
	_exit(run(&plan, schema, atoi(argv[3]), (uid_t)strtoul(argv[4], NULL, 10)));
}
