/* SPDX-License-Identifier: MIT */
/* Follows a stub domain that runs: its start, its channels, its end. */
#include "domain/watch.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "abi/boot.h"
#include "cleanup.h"
#include "clock.h"
#include "domain/asker.h"
#include "domain/create.h"
#include "domain/links.h"
#include "domain/name.h"
#include "domain/nodes.h"
#include "domain/replace.h"
#include "domain/stage.h"
#include "domain/tell.h"
#include "domain/vcpus.h"
#include "domain/vif_rate.h"
#include "log.h"
#include "log_file.h"
#include "start_log.h"
#include "xenstore_util.h"

enum { STEP_GO_ON, STEP_END, STEP_FAILED };

enum {
	GUARDIAN_RESTARTS = 3,
	LOGGED_BYTES = 256 * 1024,
	EVENTS_MAX = 1024, /* of xenstore, before others have their turn */
	HELD_MS = 200,	   /* a relay that speaks too much is heard again */
	ENDS_MS = 25000,   /* well within libxl's 60 s, as the agent's waits */
	/*
	 * From this program's start, the time for devices.  libxl gives up 15 s later.
	 * Until then the start is undone and the toolstack told why.
	 */
	DEVICES_MS = 45000,
	LATE_MS = 3000, /* for devices that are waited for after that */
};

#define TOKEN_LINK "link"

/* A migration's two guests have their names within seconds of each other. */
enum { NAME_TRIES = 240 };

struct watch_state {
	struct domain_watch *watch;
	struct domain_channels channels;
	struct domain_nodes nodes;
	struct domain_links links;
	bool started;	 /* the toolstack was told */
	bool waits_ends; /* only for back ends, those of QEMU among them, until ends_ms */
	int64_t ends_ms;
	struct asker asker; /* for QEMU's first answer */
	bool answered;
	bool waits_devices; /* the stub domain does, until devices_ms at most */
	int64_t devices_ms;
	int64_t deadline_ms;
	bool retry_channels;
	bool retry_name;
	unsigned name_tries;
	unsigned guardian_restarts;
	struct stage stage;
};

static char *read_report(struct watch_state *state, const char *node)
{
	return xenstore_read(state->watch->host->xs, "/local/domain/%u/%s",
			     state->watch->stub, node);
}

/* Whether the text has the word, and not a longer one that begins with it. */
static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if (!isalnum((unsigned char)at[length]) &&
		    (at == text || !isalnum((unsigned char)at[-1])))
			return true;
	return false;
}

/* The stub domain's name of a disk or interface, followed by dom0's, if its text has one. */
static void name_device(const struct plan *plan, const char *text, char *out, size_t size)
{
	char name[20], whose[160];

	out[0] = '\0';
	for (size_t i = 0; i < plan->n_disks; i++)
		if (has_word(text, plan->disks[i].dev))
			snprintf(out, size, " (%s is %.300s, %.60s)", plan->disks[i].dev,
				 plan->disks[i].target, plan->disks[i].use);
	for (size_t i = 0; i < plan->n_nics; i++) {
		snprintf(name, sizeof(name), "xenif%u", plan->nics[i].xenif);
		domain_links_describe(&plan->nics[i], whose, sizeof(whose));
		if (has_word(text, name))
			snprintf(out, size, " (%s is %s)", name, whose);
	}
}

/* The stub domain's own report of its end, as far as there is one. */
static int report_death(struct watch_state *state, struct err *err)
{
	cleanup_free char *error = read_report(state, STUBDOM_XS_ERROR);
	cleanup_free char *end = read_report(state, STUBDOM_XS_EXIT);
	const char *name = state->watch->plan->name;
	char device[400];

	if (error) {
		name_device(state->watch->plan, error, device, sizeof(device));
		err_set(err, ERR_STUB, "%s says: '%.400s'%s", name, error, device);
	} else if (end)
		err_set(err, ERR_STUB,
			"%s says that QEMU ended ('%.40s'); see the lines above", name,
			end);
	else
		err_set(err, ERR_STUB,
			"%s ended without a word, after its stage '%s'; see its console above",
			name, stage_name(&state->stage));
	return STEP_FAILED;
}

static int check_lives(struct watch_state *state, struct err *err)
{
	struct domain_watch *watch = state->watch;

	if (domain_host_life(watch->host, watch->plan->guest_domid) == DOMAIN_LIFE_GONE) {
		log_info("the guest, domain %u, is gone", watch->plan->guest_domid);
		if (state->started)
			return STEP_END;
		err_set(err, ERR_GUEST,
			"the guest, domain %u, went while its device model was started",
			watch->plan->guest_domid);
		return STEP_FAILED;
	}
	if (domain_host_life(watch->host, watch->stub) != DOMAIN_LIFE_ALIVE)
		return report_death(state, err);
	return STEP_GO_ON;
}

/*
 * Tells the toolstack, in the node where it waits.  Not if the toolstack has taken the
 * node's directory away: then it has given up the guest.
 */
static void tell_running(struct watch_state *state)
{
	struct domain_watch *watch = state->watch;
	struct err err;

	if (!xenstore_exists(watch->host->xs, "/local/domain/0/device-model/%u",
			     watch->plan->guest_domid))
		return;
	if (xenstore_write(watch->host->xs, &err, "running",
			   "/local/domain/0/device-model/%u/state",
			   watch->plan->guest_domid) < 0)
		log_warn("%s", err.msg);
	log_info("%s, domain %u," START_LOG_TOLD "%u", watch->plan->name, watch->stub,
		 watch->plan->guest_domid);
	tell_start(watch->plan, watch->stub);
	*watch->host->freed_kb = 0; /* the stub domain's now, to its end */
	state->started = true;
}

/* For devices that are waited for from now on: libxl hears of them before it gives up. */
static int64_t devices_deadline(const struct watch_state *state, int64_t now_ms)
{
	int64_t until = state->watch->toolstack->since_ms + DEVICES_MS;

	return until > now_ms + LATE_MS ? until : now_ms + LATE_MS;
}

static int64_t ends_deadline(const struct watch_state *state, int64_t now_ms)
{
	int64_t until = now_ms + ENDS_MS;
	int64_t last = devices_deadline(state, now_ms);

	return state->watch->plan->paused || until < last ? until : last;
}

/*
 * QEMU runs.  A back end in a domain of its own may come late.  And QEMU answers nobody
 * while it takes the guest's PV devices, but libxl gives up an answer after 10 s.  It has
 * taken the last one before it is through with all of xenstore's events of them.
 * 0; -1 and what is late; 1, too, if that is only QEMU's answer.
 */
static int check_ends(const struct watch_state *state, struct err *late)
{
	const struct domain_backends *backends = state->watch->backends;

	if (domain_links_check(&state->links, late) < 0 ||
	    domain_backends_check_taken(backends, late) < 0)
		return -1;
	if (state->answered || !domain_backends_are_many(backends))
		return 0;
	err_set(late, ERR_STUB, "QEMU does not answer yet, it takes PV devices");
	return 1;
}

/* 0: it cannot be asked, and is not waited for; 1: it is asked. */
static int ask_first(struct watch_state *state)
{
	const struct domain_watch *watch = state->watch;
	const struct asker_about about = {
		.plan = watch->plan,
		.state_fd = -1,
		.uid = watch->relay->uid,
		.greet_ms = ENDS_MS,
	};
	struct err err;

	if (asker_start(&state->asker, &about, watch->host->libxl, &err) == 0 &&
	    asker_ask(&state->asker, ASKER_GREET, &err) == 0)
		return 1;
	log_warn("%s; QEMU may not answer the toolstack yet", err.msg);
	asker_stop(&state->asker);
	return 0;
}

static void tell_when_ready(struct watch_state *state)
{
	struct err late;
	int rc = check_ends(state, &late);

	if (rc > 0 && state->asker.fd < 0)
		rc = ask_first(state);
	if (rc == 0) {
		state->waits_ends = false;
		tell_running(state);
	} else if (!state->waits_ends) {
		log_info("waiting for it: %s", late.msg);
		state->waits_ends = true;
		state->ends_ms = ends_deadline(state, clock_ms());
	}
}

static void hear_first(struct watch_state *state)
{
	struct replace_gone ignored;
	struct err err;

	if (asker_hear(&state->asker, &ignored, &err) < 0)
		log_warn("%s; QEMU may not answer the toolstack yet", err.msg);
	asker_stop(&state->asker);
	state->answered = true;
	if (state->waits_ends)
		tell_when_ready(state);
}

static int fail_device(const struct watch_state *state, const struct err *down,
		       const char *script, struct err *err)
{
	err_set(err, ERR_HOST,
		"%.600s %d s after the start: see dom0's kernel log, and the hot-plug "
		"script %s",
		down->msg, (int)((clock_ms() - state->watch->toolstack->since_ms) / 1000),
		script);
	return STEP_FAILED;
}

/* QEMU may yet take the PV devices; a NIC without its back end is dead. */
static int check_ends_deadline(struct watch_state *state, struct err *err)
{
	struct err late;

	if (!state->waits_ends || clock_ms() < state->ends_ms)
		return STEP_GO_ON;
	if (domain_links_check(&state->links, &late) < 0)
		return fail_device(state, &late, "of the guest's vif", err);
	if (check_ends(state, &late) != 0)
		log_warn("%s; the guest starts all the same", late.msg);
	asker_stop(&state->asker);
	state->waits_ends = false;
	tell_running(state);
	return STEP_GO_ON;
}

/* The agent waits for the device by itself, but on a slow host longer than libxl. */
static int check_devices(struct watch_state *state, struct err *err)
{
	const struct domain_watch *watch = state->watch;
	const char *stage = stage_name(&state->stage);
	struct err down;

	if (!state->waits_devices || clock_ms() < state->devices_ms)
		return STEP_GO_ON;
	state->waits_devices = false;
	if (strcmp(stage, STUBDOM_STAGE_DISKS) == 0 &&
	    domain_links_check_disks(watch->host, watch->plan, watch->stub, &down) < 0)
		return fail_device(state, &down, "for disks", err);
	if (strcmp(stage, STUBDOM_STAGE_NET) == 0 &&
	    domain_links_check(&state->links, &down) < 0)
		return fail_device(state, &down, "of the guest's vif", err);
	return STEP_GO_ON;
}

static int check_stage(struct watch_state *state, struct err *err)
{
	cleanup_free char *error = read_report(state, STUBDOM_XS_ERROR);
	cleanup_free char *stage = read_report(state, STUBDOM_XS_STAGE);

	if (error)
		return report_death(state, err);
	switch (stage_take(&state->stage, stage)) {
	case STAGE_NEW:
		break;
	case STAGE_NONE:
		log_warn("%s says '%.40s' of its stage, which cannot follow '%s'; it "
			 "is not believed",
			 state->watch->plan->name, stage, stage_name(&state->stage));
		return STEP_GO_ON;
	default:
		return STEP_GO_ON;
	}
	log_info("%s: stage %s", state->watch->plan->name, stage_name(&state->stage));
	if (strcmp(stage, STUBDOM_STAGE_EXITED) == 0)
		return report_death(state, err);
	state->waits_devices = strcmp(stage, STUBDOM_STAGE_DISKS) == 0 ||
			       strcmp(stage, STUBDOM_STAGE_NET) == 0;
	state->devices_ms = devices_deadline(state, clock_ms());
	/* With -S QEMU says `running` only when it is told to go on. */
	if (strcmp(stage, STUBDOM_STAGE_RUNNING) == 0 && !state->started)
		tell_when_ready(state);
	return STEP_GO_ON;
}

static void follow_name(struct watch_state *state)
{
	struct domain_watch *watch = state->watch;

	state->retry_name =
		domain_name_follow(watch->host, watch->plan, watch->stub) > 0 &&
		state->name_tries++ < NAME_TRIES;
}

static void watch_links(struct watch_state *state)
{
	struct err err;

	if (domain_links_watch(&state->links, state->watch->stub, TOKEN_LINK, &err) < 0)
		log_error("%s", err.msg);
}

static void take_links(struct watch_state *state)
{
	if (state->started)
		domain_links_hear(&state->links);
	else if (state->waits_ends)
		tell_when_ready(state);
}

/* The new stub domain runs, and whatever it says of its stage from now on is an end. */
static void take_replace(struct watch_state *state)
{
	if (domain_replace(state->watch, &state->channels, &state->nodes)) {
		state->retry_channels = true;
		state->name_tries = 0;
		follow_name(state);
		watch_links(state);
	}
}

static int take_xenstore(struct watch_state *state, struct err *err)
{
	struct xs_handle *xs = state->watch->host->xs;
	bool released = false;
	bool reported = false;
	bool channels = false;
	bool name = false;
	bool vifs = false;
	bool orders = false;
	bool owners = false;
	bool pci_fronts = false;
	bool replace = false;
	bool stub_backends = false;
	bool links = false;
	int step = STEP_GO_ON;
	unsigned foreign = 0;
	char **event = NULL;

	for (unsigned i = 0; i < EVENTS_MAX && (event = xs_check_watch(xs)); i++) {
		const char *token = event[XS_WATCH_TOKEN];

		foreign += domain_nodes_owns(token);
		released |= strcmp(token, "release") == 0;
		reported |= strcmp(token, DOMAIN_NODES_REPORT) == 0;
		channels |= strcmp(token, DOMAIN_NODES_CHANNEL) == 0;
		name |= strcmp(token, "name") == 0;
		vifs |= strcmp(token, "vif") == 0;
		orders |= strcmp(token, "order") == 0;
		owners |= strcmp(token, DOMAIN_PCI_OWNERS) == 0;
		pci_fronts |= strcmp(token, DOMAIN_NODES_PCI) == 0;
		replace |= strcmp(token, DOMAIN_REPLACE) == 0;
		stub_backends |= strcmp(token, DOMAIN_NODES_BACKEND) == 0;
		links |= strcmp(token, TOKEN_LINK) == 0;
		if (strcmp(token, DOMAIN_PCI_ERROR) == 0)
			domain_pci_remove_error(state->watch->pci);
		if (strcmp(token, "backend") == 0)
			domain_backends_hear(state->watch->backends,
					     event[XS_WATCH_PATH]);
		free(event);
	}
	if (!event && errno != EAGAIN) {
		err_errno(err, ERR_HOST, errno, "listening to xenstored");
		return STEP_FAILED;
	}
	domain_nodes_spend(&state->nodes, foreign, clock_ms());
	if (stub_backends)
		domain_backends_look(state->watch->backends);
	if (reported)
		step = check_stage(state, err);
	if (step == STEP_GO_ON && released)
		step = check_lives(state, err);
	if (step == STEP_GO_ON && name) {
		state->name_tries = 0;
		follow_name(state);
	}
	if (step == STEP_GO_ON && vifs)
		domain_vif_rate_copy(state->watch->host, state->watch->plan,
				     state->watch->stub);
	if (step == STEP_GO_ON && (links || (stub_backends && !state->started)))
		take_links(state);
	if (step == STEP_GO_ON && orders)
		domain_orders_answer(state->watch->orders, state->watch->host,
				     state->watch->plan);
	if (step == STEP_GO_ON && owners)
		domain_pci_check_owners(state->watch->pci);
	if (step == STEP_GO_ON && pci_fronts)
		domain_pci_turn_roms(state->watch->pci);
	if (step == STEP_GO_ON && channels)
		state->retry_channels =
			domain_channels_serve(&state->channels, state->watch->host);
	if (step == STEP_GO_ON && replace && state->started)
		take_replace(state);
	return step;
}

static int take_signal(struct watch_state *state, struct err *err)
{
	struct signalfd_siginfo info;
	struct err end;

	if (read(state->watch->signals, &info, sizeof(info)) != sizeof(info))
		return STEP_GO_ON;
	log_info("signal %s from process %u", strsignal((int)info.ssi_signo),
		 info.ssi_pid);
	if (!state->started && !state->watch->plan->paused) {
		bool late = state->waits_ends && check_ends(state, &end) != 0;

		domain_vcpus_log(state->watch->host, state->watch->stub);
		err_set(err, ERR_HOST,
			"the toolstack ended the start of %s at stage '%s' (libxl allows "
			"60 s; %.600s)",
			state->watch->plan->name, stage_name(&state->stage),
			late ? end.msg : "is this host overloaded?");
		return STEP_FAILED;
	}
	return STEP_END;
}

static int restart_guardian(struct watch_state *state)
{
	struct domain_watch *watch = state->watch;
	struct err err;

	guardian_forget(watch->guardian);
	if (state->guardian_restarts++ >= GUARDIAN_RESTARTS) {
		log_error(
			"the guardian ended again; if this process is killed, remove %s "
			"with 'xl destroy'",
			watch->plan->name);
		return STEP_GO_ON;
	}
	log_warn("the guardian ended; starting another");
	if (guardian_start(watch->guardian, watch->plan, watch->uuid, watch->host->libxl,
			   watch->relay->pidfd, &err) < 0)
		log_error("%s", err.msg);
	return STEP_GO_ON;
}

static int take_relay(struct watch_state *state, struct err *err)
{
	if (domain_channels_hear(&state->channels, err) < 0)
		return STEP_FAILED;
	state->retry_channels =
		domain_channels_serve(&state->channels, state->watch->host);
	return STEP_GO_ON;
}

static int next_timeout(const struct watch_state *state, bool held)
{
	int64_t left = domain_nodes_timeout(&state->nodes, clock_ms());
	int offer = domain_backends_timeout(state->watch->backends, clock_ms());
	int look = domain_links_timeout(&state->links, clock_ms());

	if (offer >= 0 && (left < 0 || left > offer))
		left = offer;
	if (look >= 0 && (left < 0 || left > look))
		left = look;
	if (held && (left < 0 || left > HELD_MS))
		left = HELD_MS;
	if (!state->started && (state->waits_ends || !state->watch->plan->paused)) {
		int64_t until = state->waits_ends ? state->ends_ms : state->deadline_ms;

		if (!state->waits_ends && state->waits_devices &&
		    until > state->devices_ms)
			until = state->devices_ms;
		until -= clock_ms();

		if (left < 0 || left > until)
			left = until > 0 ? until : 0;
	}
	if (state->retry_channels && (left < 0 || left > DOMAIN_CHANNELS_RETRY_MS))
		left = DOMAIN_CHANNELS_RETRY_MS;
	if (state->retry_name && (left < 0 || left > DOMAIN_NAME_RETRY_MS))
		left = DOMAIN_NAME_RETRY_MS;
	return (int)left;
}

static int check_deadline(struct watch_state *state, struct err *err)
{
	const struct plan *plan = state->watch->plan;

	if (state->waits_ends)
		return check_ends_deadline(state, err);
	if (state->started || plan->paused)
		return STEP_GO_ON;
	if (check_devices(state, err) != STEP_GO_ON)
		return STEP_FAILED;
	if (clock_ms() < state->deadline_ms)
		return STEP_GO_ON;
	domain_vcpus_log(state->watch->host, state->watch->stub);
	err_set(err, ERR_STUB,
		"%s did not start QEMU within %u s (it came as far as stage '%s'); see its "
		"console above, or give '-stubdom timeout=SECONDS'",
		plan->name, plan->timeout_s, stage_name(&state->stage));
	return STEP_FAILED;
}

static int step(struct watch_state *state, struct err *err)
{
	struct domain_watch *watch = state->watch;
	enum { SIGNAL, XENSTORE, RELAY, RELAY_LOG, GUARDIAN, TOOLSTACK, ASKER, N };
	bool hears = domain_channels_may_ask(&state->channels);
	uint8_t generation = watch->generation;
	bool logs = relay_log_may_write(&watch->relay->log);
	struct pollfd fds[N] = {
		[SIGNAL] = {.fd = watch->signals, .events = POLLIN},
		[XENSTORE] = {.fd = xs_fileno(watch->host->xs), .events = POLLIN},
		[RELAY] = {.fd = hears ? watch->relay->control : -1, .events = POLLIN},
		[RELAY_LOG] = {.fd = logs ? watch->relay->log.fd : -1, .events = POLLIN},
		[GUARDIAN] = {.fd = watch->guardian->pidfd, .events = POLLIN},
		[TOOLSTACK] = {.fd = watch->toolstack->pidfd, .events = POLLIN},
		[ASKER] = {.fd = state->asker.fd, .events = POLLIN},
	};
	int rc = STEP_GO_ON;

	if (poll(fds, N, next_timeout(state, !hears || !logs)) < 0 && errno != EINTR) {
		err_errno(err, ERR_HOST, errno, "poll");
		return STEP_FAILED;
	}
	if (fds[RELAY_LOG].revents)
		relay_log_read(&watch->relay->log);
	if (fds[SIGNAL].revents)
		return take_signal(state, err);
	if (fds[XENSTORE].revents)
		rc = take_xenstore(state, err);
	/* Seconds have passed, and there may be another guardian. */
	if (rc == STEP_GO_ON && watch->generation != generation)
		return rc;
	if (rc == STEP_GO_ON && domain_nodes_tick(&state->nodes, clock_ms(), err) < 0)
		rc = STEP_FAILED;
	if (rc == STEP_GO_ON)
		domain_backends_tick(watch->backends, clock_ms());
	if (rc == STEP_GO_ON)
		domain_links_follow(&state->links, clock_ms());
	if (rc == STEP_GO_ON && fds[RELAY].revents)
		rc = take_relay(state, err);
	/* The relay's word that QEMU speaks again has been heard. */
	if (rc == STEP_GO_ON && domain_channels_check_silence(&state->channels, err) < 0)
		rc = STEP_FAILED;
	if (rc == STEP_GO_ON && fds[GUARDIAN].revents)
		rc = restart_guardian(state);
	if (rc == STEP_GO_ON && fds[ASKER].revents)
		hear_first(state);
	if (fds[TOOLSTACK].revents)
		toolstack_hear(watch->toolstack);
	if (log_take_written(LOGGED_BYTES))
		log_file_bound();
	if (rc == STEP_GO_ON && state->retry_name)
		follow_name(state);
	if (rc == STEP_GO_ON && state->retry_channels)
		state->retry_channels =
			domain_channels_serve(&state->channels, watch->host);
	return rc == STEP_GO_ON ? check_deadline(state, err) : rc;
}

int domain_watch_name(struct domain_host *host, uint32_t domid, struct err *err)
{
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	if (xs_watch(host->xs, path, "name"))
		return 0;
	return err_errno(err, ERR_HOST, errno, "xenstore: watching %s", path);
}

static int watch_nodes(struct watch_state *state, struct err *err)
{
	struct xs_handle *xs = state->watch->host->xs;
	char path[XENSTORE_PATH_MAX];
	bool ok = xs_watch(xs, "@releaseDomain", "release");

	if (domain_nodes_watch(&state->nodes, xs, state->watch->stub, err) < 0 ||
	    domain_watch_name(state->watch->host, state->watch->plan->guest_domid, err) <
		    0 ||
	    domain_watch_name(state->watch->host, state->watch->stub, err) < 0)
		return -1;
	snprintf(path, sizeof(path), DOMAIN_VIF_RATE_NODES,
		 state->watch->plan->guest_domid);
	if (ok && state->watch->plan->n_nics > 0)
		ok = xs_watch(xs, path, "vif");
	if (!ok)
		return err_errno(err, ERR_HOST, errno, "xenstore: setting watches");
	if (domain_replace_watch(state->watch, err) < 0)
		return -1;
	return domain_backends_watch(state->watch->backends, "backend", err);
}

int domain_watch(struct domain_watch *watch, struct err *err)
{
	struct watch_state state = {
		.watch = watch,
		.asker.fd = -1,
		.deadline_ms = clock_ms() + (int64_t)watch->plan->timeout_s * 1000,
	};
	int rc = STEP_GO_ON;

	state.links.host = watch->host;
	state.links.plan = watch->plan;
	if (domain_channels_init(&state.channels, watch->plan, watch->relay, err) < 0)
		return -1;
	state.channels.stub = watch->stub;
	state.channels.hotplug = watch->hotplug;
	state.channels.backends = watch->backends;
	state.channels.pci = watch->pci;
	if (watch_nodes(&state, err) < 0 ||
	    domain_links_watch(&state.links, watch->stub, TOKEN_LINK, err) < 0 ||
	    domain_orders_take(watch->orders, watch->host, watch->stub, "order", err) <
		    0 ||
	    domain_unpause(watch->host, watch->stub, err) < 0)
		rc = STEP_FAILED;
	else
		log_info(START_LOG_UNPAUSED "%s, domain %u", watch->plan->name,
			 watch->stub);
	toolstack_watch(watch->toolstack);
	while (rc == STEP_GO_ON)
		rc = step(&state, err);
	asker_stop(&state.asker);
	domain_channels_free(&state.channels);
	domain_links_free(&state.links);
	return rc == STEP_END ? 0 : -1;
}
