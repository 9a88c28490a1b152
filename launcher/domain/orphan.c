/* SPDX-License-Identifier: MIT */
/* A guest whose stub domain has died. */
#include "domain/orphan.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "domain/evidence.h"
#include "domain/on_crash.h"
#include "domain/stand_in.h"
#include "domain/tell.h"
#include "log.h"
#include "xenstore_util.h"

/* As the guest was started: `-smp N,maxcpus=M`. */
static unsigned count_vcpus(const struct plan *plan)
{
	for (size_t i = 0; i + 1 < plan->n_qemu; i++) {
		if (strcmp(plan->qemu[i], "-smp") == 0)
			return (unsigned)strtoul(plan->qemu[i + 1], NULL, 10);
	}
	return 1;
}

static void open_monitors(struct stand_in *stand_in, const struct plan *plan)
{
	struct err err;

	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_channel *channel = &plan->channels[i];

		if (channel->kind == STUBDOM_CHANNEL_QMP &&
		    channel->endpoint.type == PLAN_ENDPOINT_UNIX_LISTEN &&
		    stand_in_open(stand_in, &channel->endpoint, &err) < 0)
			log_warn("channel %s: %s", channel->name, err.msg);
	}
}

static void take_events(struct domain_host *host)
{
	char **event;

	while ((event = xs_check_watch(host->xs)))
		free(event);
}

static void serve(struct stand_in *stand_in, struct domain_host *host,
		  const struct plan *plan, int signals)
{
	enum { SIGNAL, XENSTORE, N };

	while (domain_host_life(host, plan->guest_domid) != DOMAIN_LIFE_GONE) {
		struct pollfd fds[N + STAND_IN_ENDS_MAX] = {
			[SIGNAL] = {.fd = signals, .events = POLLIN},
			[XENSTORE] = {.fd = xs_fileno(host->xs), .events = POLLIN},
		};
		size_t n = stand_in_poll(stand_in, &fds[N]);

		if (poll(fds, (nfds_t)(N + n), -1) < 0 && errno != EINTR)
			return;
		if (fds[SIGNAL].revents)
			return;
		take_events(host);
		stand_in_serve(stand_in, &fds[N]);
	}
}

/* A launcher that was killed later wrote this down, when it had kept the evidence. */
static char *read_death(struct domain_host *host, const struct plan *plan)
{
	return xenstore_read(host->xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_DIED,
			     plan->guest_domid);
}

/* The toolstack has been told that the device model runs. */
static bool was_running(struct domain_host *host, const struct plan *plan)
{
	cleanup_free char *state = xenstore_read(
		host->xs, "/local/domain/0/device-model/%u/state", plan->guest_domid);

	return state && strcmp(state, "running") == 0;
}

/* action: `leave` if somebody has acted for the same death. */
static void answer_for(struct domain_host *host, const struct plan *plan,
		       const struct orphan *orphan, enum stubopt_on_crash action)
{
	cleanup_free struct stand_in *stand_in = calloc(1, sizeof(*stand_in));
	struct err err;
	char text[sizeof(err.msg) + 128];

	if (!stand_in)
		return;
	snprintf(
		text, sizeof(text),
		"the device model of domain %u has died (%s); 'xl destroy %u' ends the guest",
		plan->guest_domid, orphan->why, plan->guest_domid);
	stand_in->why = text;
	stand_in->vcpus = count_vcpus(plan);
	log_error("%s", text);
	if (xenstore_write(host->xs, &err, orphan->why,
			   STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_DIED,
			   plan->guest_domid) < 0)
		log_warn("%s", err.msg);
	open_monitors(stand_in, plan);
	/* Not earlier: an answer is there for a toolstack that asks because of it. */
	on_crash_act(host, plan, action);
	/* A token of its own: the launcher has a watch like this. */
	if (xs_watch(host->xs, "@releaseDomain", "orphan"))
		serve(stand_in, host, plan, orphan->signals);
	stand_in_close(stand_in);
}

bool orphan_is_new(struct domain_host *host, const struct plan *plan,
		   const struct orphan *orphan)
{
	cleanup_free char *death = read_death(host, plan);

	return !death && domain_host_life(host, plan->guest_domid) != DOMAIN_LIFE_GONE &&
	       (orphan->code == ERR_STUB || was_running(host, plan));
}

void orphan_stay(struct domain_host *host, const struct plan *plan,
		 const struct orphan *orphan)
{
	struct evidence evidence = {
		.plan = plan, .manifest = orphan->manifest, .why = orphan->why};
	cleanup_free char *death = NULL;
	cleanup_free char *name = NULL;
	char crash[CRASH_NAME_MAX];

	if (domain_host_life(host, plan->guest_domid) == DOMAIN_LIFE_GONE)
		return;
	death = read_death(host, plan);
	if (death) {
		const struct orphan again = {.why = death, .signals = orphan->signals};

		answer_for(host, plan, &again, STUBOPT_ON_CRASH_LEAVE);
		return;
	}
	evidence.running = was_running(host, plan);
	if (!evidence.running && orphan->code != ERR_STUB)
		return;
	/* After a migration or `xl rename` it is not the plan's. */
	name = xenstore_read(host->xs, "/local/domain/%u/name", plan->guest_domid);
	evidence.guest = name ? name : plan->guest_name;
	tell_name(evidence.guest);
	/* Deaths are counted by their evidence. */
	if (evidence.running)
		evidence.action =
			on_crash_choose(plan, evidence_count_recent(evidence.guest));
	evidence_keep(&evidence, crash);
	if (!evidence.running)
		return;
	if (evidence.action == STUBOPT_ON_CRASH_RESTART && !crash[0])
		evidence.action = on_crash_choose(plan, -1);
	tell_death(plan, orphan->why, stubopt_on_crash_name(evidence.action), crash);
	answer_for(host, plan, orphan, evidence.action);
}
