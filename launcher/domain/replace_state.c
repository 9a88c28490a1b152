/* SPDX-License-Identifier: MIT */
/* A replacement that is under way, and its waits, in which the relay is served. */
#include "domain/replace_state.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "abi/boot.h"
#include "abi/facts.h"
#include "cleanup.h"
#include "clock.h"
#include "domain/replace_vcpus.h"
#include "log.h"
#include "xenstore_util.h"

enum { TICK_MS = 10, GREET_MS = 10000 };

static const char *const names[PHASES] = STUBDOM_REPLACE_PHASES;

const char *replace_phase_name(enum replace_phase phase)
{
	return names[phase];
}

void replace_say(const struct replace *r, const char *node, const char *text)
{
	struct err err;

	if (xenstore_write(r->watch->host->xs, &err, text, STUBDOM_XS_FACTS "/%u/%s",
			   r->watch->plan->guest_domid, node) < 0)
		log_warn("%s", err.msg);
}

void replace_enter(struct replace *r, enum replace_phase phase)
{
	int64_t now = clock_ms();

	if (phase != r->phase)
		r->ms[r->phase] = now - r->entered_ms;
	r->phase = phase;
	r->entered_ms = now;
	if (phase < PHASES)
		replace_say(r, STUBDOM_FACT_REPLACE_PHASE, names[phase]);
}

bool replace_stub_lives(const struct replace *r)
{
	return domain_host_life(r->watch->host, r->watch->stub) == DOMAIN_LIFE_ALIVE;
}

enum domain_life replace_guest_life(const struct replace *r)
{
	return domain_host_life(r->watch->host, r->watch->plan->guest_domid);
}

/* The old QEMU has no part in it any more once its state is in dom0, unless it is to go on. */
static int check_alive(const struct replace *r, struct err *err)
{
	enum domain_life guest = replace_guest_life(r);

	if (guest != DOMAIN_LIFE_ALIVE)
		return err_set(err, ERR_GUEST,
			       guest == DOMAIN_LIFE_SHUTDOWN
				       ? "the guest was shut down, or is being saved"
				       : "the guest has ended");
	if ((!r->gave_state || r->goes_back) && !replace_stub_lives(r))
		return err_set(err, ERR_STUB, "its stub domain has ended");
	return 0;
}

int replace_serve(struct replace *r, int64_t until, struct err *err)
{
	enum { SIGNAL, RELAY, RELAY_LOG, CHILD, N };
	struct domain_watch *watch = r->watch;
	bool hears = domain_channels_may_ask(r->channels);
	bool logs = relay_log_may_write(&watch->relay->log);
	struct pollfd fds[N] = {
		[SIGNAL] = {.fd = watch->signals, .events = POLLIN},
		[RELAY] = {.fd = hears ? watch->relay->control : -1, .events = POLLIN},
		[RELAY_LOG] = {.fd = logs ? watch->relay->log.fd : -1, .events = POLLIN},
		[CHILD] = {.fd = r->in_step ? r->asker.fd : -1, .events = POLLIN},
	};
	int64_t now;

	if (poll(fds, N, TICK_MS) < 0 && errno != EINTR)
		return err_errno(err, ERR_HOST, errno, "poll");
	if (fds[SIGNAL].revents)
		return err_set(err, ERR_HOST, "the toolstack ends the guest");
	if (fds[RELAY_LOG].revents)
		relay_log_read(&watch->relay->log);
	if (fds[RELAY].revents && domain_channels_hear(r->channels, err) < 0)
		return -1;
	now = clock_ms();
	if (fds[RELAY].revents || now >= r->serve_ms) {
		domain_channels_serve(r->channels, watch->host);
		r->serve_ms = now + DOMAIN_CHANNELS_RETRY_MS;
	}
	if (fds[CHILD].revents)
		return 1;
	if (now >= until)
		return err_set(err, ERR_STUB, "it took longer than %lld ms",
			       (long long)(now - r->entered_ms));
	return check_alive(r, err);
}

/* The one that our own QMP client has. */
static uint32_t find_own_channel(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->n_channels; i++) {
		if (strcmp(plan->channels[i].name, STUBDOM_CHANNEL_OWN_QMP) == 0)
			return i;
	}
	return UINT32_MAX;
}

static int say_hold(struct replace *r, bool holds)
{
	struct relay_msg msg = {.type = RELAY_HOLD,
				.channel = find_own_channel(r->watch->plan),
				.code = holds};

	return relay_msg_send(r->watch->relay->control, &msg, NULL, 0);
}

int replace_hold(struct replace *r, int64_t until, struct err *err)
{
	r->channels->held = false;
	r->asked_hold = true;
	if (say_hold(r, true) < 0)
		return err_errno(err, ERR_HOST, errno, "holding the clients' commands");
	while (!r->channels->held) {
		if (replace_serve(r, until, err) >= 0)
			continue;
		return clock_ms() < until
			       ? -1
			       : err_set(err, ERR_GUEST,
					 "a command of a QMP or HMP client is still under "
					 "way; 'stubdom replace' it again");
	}
	return 0;
}

void replace_let_go(struct replace *r)
{
	if (r->asked_hold)
		say_hold(r, false);
	r->asked_hold = false;
}

int replace_start_child(struct replace *r, struct err *err)
{
	const struct domain_watch *watch = r->watch;
	const struct asker_about about = {
		.plan = &r->now.plan,
		.state_fd = r->state_fd,
		.vcpus = replace_count_vcpus(watch->host, watch->plan->guest_domid),
		.uid = watch->relay->uid,
		.greet_ms = GREET_MS,
	};

	return asker_start(&r->asker, &about, watch->host->libxl, err);
}

/* An earlier step that was not waited for has one late answer. */
static int hear_step(struct replace *r, int64_t until, struct err *err)
{
	uint32_t answers = 0;
	int rc;

	while ((rc = replace_serve(r, until, err)) >= 0) {
		if (rc == 0)
			continue;
		rc = asker_hear(&r->asker, &r->gone, err);
		if (rc <= 0)
			return rc;
		if (++answers >= r->asker.asked)
			return err_set(err, ERR_HOST,
				       "the process that asks QEMU answers too much");
	}
	return -1;
}

int replace_run_step(struct replace *r, enum asker_step step, int64_t until,
		     struct err *err)
{
	int rc;

	if (asker_ask(&r->asker, step, err) < 0)
		return -1;
	r->in_step = true;
	rc = hear_step(r, until, err);
	r->in_step = false;
	return rc;
}

int replace_resume_old(struct replace *r, int64_t until, struct err *err)
{
	if (replace_run_step(r, ASKER_BACK, until, err) == 0)
		return 0;
	if (r->asker.fd >= 0)
		return -1;
	log_warn("%s; another one tells QEMU to go on", err->msg);
	return replace_start_child(r, err) < 0
		       ? -1
		       : replace_run_step(r, ASKER_BACK, until, err);
}

int replace_wait_stage(struct replace *r, const char *wanted, int64_t until,
		       struct err *err)
{
	struct domain_host *host = r->watch->host;
	uint32_t stub = r->next.stub;

	for (;;) {
		/* Before its words: they are all there when it has ended. */
		bool alive = domain_host_life(host, stub) == DOMAIN_LIFE_ALIVE;
		cleanup_free char *error = xenstore_read(
			host->xs, "/local/domain/%u/" STUBDOM_XS_ERROR, stub);
		cleanup_free char *stage = xenstore_read(
			host->xs, "/local/domain/%u/" STUBDOM_XS_STAGE, stub);

		if (error)
			return err_set(err, ERR_STUB,
				       "the new stub domain says: '%.400s'", error);
		if (stage && strcmp(stage, wanted) == 0)
			return 0;
		if (stage && strcmp(stage, STUBDOM_STAGE_RUNNING) == 0)
			return err_set(err, ERR_STUB,
				       "the new QEMU runs without the guest's state");
		if (!alive)
			return err_set(err, ERR_STUB,
				       "the new stub domain has ended, after its stage "
				       "'%.20s'; 'stubdom log' may say why",
				       stage ? stage : "none");
		if (replace_serve(r, until, err) < 0)
			return err_prefix(err, "the new stub domain, at stage '%.20s'",
					  stage ? stage : "none");
	}
}
