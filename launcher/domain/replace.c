/* SPDX-License-Identifier: MIT */
/* Another stub domain under a guest that runs: docs/replace.md. */
#include "domain/replace.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/boot.h"
#include "abi/facts.h"
#include "cleanup.h"
#include "clock.h"
#include "domain/create.h"
#include "domain/facts.h"
#include "domain/name.h"
#include "domain/replace_medium.h"
#include "domain/replace_new.h"
#include "domain/replace_qmp.h"
#include "domain/replace_vcpus.h"
#include "domain/replace_vif.h"
#include "domain/stage.h"
#include "domain/vif_rate.h"
#include "log.h"
#include "start_log.h"
#include "xenstore_util.h"

enum {
	PAUSE_MS = 6000,		   /* of the guest, until it is given back */
	LOOK_MS = 15000,		   /* for QEMU's answers before that */
	BACK_MS = REPLACE_BACK_MS + 15000, /* the child may be at an earlier step still */
	END_MS = 5000,			   /* for a QEMU to end by itself */
	END_PAUSED_MS = 2000,
	TICK_MS = 10,
};

enum phase { CHECK, BUILD, BOOT, SAVE, LOAD, SWITCH, END, PHASES };

static const char *const names[PHASES] = STUBDOM_REPLACE_PHASES;

struct replace {
	struct domain_watch *watch;
	struct domain_channels *channels;
	struct domain_nodes *nodes;
	struct replace_new next;
	struct replace_qmp qmp;
	struct replace_medium now; /* the plan, with the media of now */
	struct replace_gone gone;  /* of the old QEMU's devices, by its latest answer */
	unsigned changes;	   /* of its media, when `now` was made */
	int state_fd;
	off_t state_bytes;
	char number[24]; /* of the request */
	enum phase phase;
	int64_t entered_ms; /* the phase */
	int64_t ms[PHASES]; /* each took */
	int64_t paused_ms;  /* when the guest was; 0: it was not */
	int64_t serve_ms;   /* when the relay's wishes are looked at again */
	bool asked_save;
	bool gave_state;
	bool goes_back; /* the old QEMU is to go on */
};

static void say(const struct replace *r, const char *node, const char *text)
{
	struct err err;

	if (xenstore_write(r->watch->host->xs, &err, text, STUBDOM_XS_FACTS "/%u/%s",
			   r->watch->plan->guest_domid, node) < 0)
		log_warn("%s", err.msg);
}

static void enter(struct replace *r, enum phase phase)
{
	int64_t now = clock_ms();

	if (phase != r->phase)
		r->ms[r->phase] = now - r->entered_ms;
	r->phase = phase;
	r->entered_ms = now;
	if (phase < PHASES)
		say(r, STUBDOM_FACT_REPLACE_PHASE, names[phase]);
}

/* That of the guest: the new one once it is adopted. */
static bool stub_lives(const struct replace *r)
{
	return domain_host_life(r->watch->host, r->watch->stub) == DOMAIN_LIFE_ALIVE;
}

static enum domain_life guest_life(const struct replace *r)
{
	return domain_host_life(r->watch->host, r->watch->plan->guest_domid);
}

/* The old QEMU has no part in it any more once its state is in dom0, unless it is to go on. */
static int check_alive(const struct replace *r, struct err *err)
{
	enum domain_life guest = guest_life(r);

	if (guest != DOMAIN_LIFE_ALIVE)
		return err_set(err, ERR_GUEST,
			       guest == DOMAIN_LIFE_SHUTDOWN
				       ? "the guest was shut down, or is being saved"
				       : "the guest has ended");
	if ((!r->gave_state || r->goes_back) && !stub_lives(r))
		return err_set(err, ERR_STUB, "its stub domain has ended");
	return 0;
}

/* One round of what goes on meanwhile.  1: the child has something to say. */
static int serve(struct replace *r, int64_t until, struct err *err)
{
	enum { SIGNAL, RELAY, RELAY_LOG, CHILD, N };
	struct domain_watch *watch = r->watch;
	bool hears = domain_channels_may_ask(r->channels);
	bool logs = relay_log_may_write(&watch->relay->log);
	struct pollfd fds[N] = {
		[SIGNAL] = {.fd = watch->signals, .events = POLLIN},
		[RELAY] = {.fd = hears ? watch->relay->control : -1, .events = POLLIN},
		[RELAY_LOG] = {.fd = logs ? watch->relay->log.fd : -1, .events = POLLIN},
		[CHILD] = {.fd = r->qmp.fd, .events = POLLIN},
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

/* `until`: of the monotonic clock, in ms. */
static int ask(struct replace *r, enum replace_step step, int64_t until, struct err *err)
{
	int rc;

	if (replace_qmp_ask(&r->qmp, step, err) < 0)
		return -1;
	while ((rc = serve(r, until, err)) >= 0) {
		if (rc == 0)
			continue;
		rc = replace_qmp_hear(&r->qmp, &r->gone, err);
		if (rc <= 0)
			return rc;
	}
	return -1;
}

/* The new stub domain's word, which reaches `wanted` or names an error. */
static int wait_stage(struct replace *r, const char *wanted, int64_t until,
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
		if (serve(r, until, err) < 0)
			return err_prefix(err, "the new stub domain, at stage '%.20s'",
					  stage ? stage : "none");
	}
}

/* Refusals that need nobody's answer. */
static int check(struct replace *r, struct err *err)
{
	const struct domain_watch *watch = r->watch;
	const struct plan *plan = watch->plan;

	if (plan->kernel != STUBOPT_KERNEL_NUB)
		return err_set(err, ERR_USAGE,
			       "its stub domain's kernel is Linux, which may have old "
			       "blocks of the disks in its cache; only kernel=nub can");
	if (replace_is_paused(watch->host, plan->guest_domid))
		return err_set(err, ERR_GUEST,
			       "the guest is paused, and may have an answer of its QEMU "
			       "still to take; 'xl unpause %u' it first",
			       plan->guest_domid);
	r->changes = watch->hotplug->changes;
	if (r->changes == 0)
		replace_medium_keep(plan, &r->now);
	else if (replace_medium_plan(plan, watch->hotplug->disks, &r->now, err) < 0)
		return -1;
	for (size_t i = 0; i < PCI_LENT_MAX; i++) {
		if (watch->pci->slots[i].used)
			return err_set(
				err, ERR_GUEST,
				"the guest has a PCI device of the host, whose "
				"state is in the device; 'xl pci-detach' it first");
	}
	if (domain_backends_check_unused(watch->backends, err) < 0)
		return -1;
	return replace_vif_check(plan, err);
}

static int look(struct replace *r, struct err *err)
{
	struct domain_watch *watch = r->watch;
	struct replace_ask about = {
		.plan = &r->now.plan,
		.vcpus = replace_count_vcpus(watch->host, watch->plan->guest_domid),
		.uid = watch->relay->uid,
	};

	r->state_fd = memfd_create("stubdom state", MFD_CLOEXEC);
	if (r->state_fd < 0)
		return err_errno(err, ERR_HOST, errno, "making a memfd");
	about.state_fd = r->state_fd;
	if (replace_qmp_start(&r->qmp, &about, watch->host->libxl, err) < 0)
		return -1;
	return ask(r, REPLACE_LOOK, clock_ms() + LOOK_MS, err);
}

static int check_migrates(const struct replace *r, struct err *err)
{
	if (!r->channels->migrates)
		return 0;
	return err_set(
		err, ERR_GUEST,
		"the guest is being migrated, and the new QEMU would not track what "
		"it writes to its memory; wait for the end of that");
}

/* The new stub domain has the media of the first look. */
static int check_undisturbed(const struct replace *r, struct err *err)
{
	if (check_migrates(r, err) < 0)
		return -1;
	return r->watch->hotplug->changes == r->changes
		       ? 0
		       : err_set(err, ERR_GUEST,
				 "a medium or a disk was taken away meanwhile; 'stubdom "
				 "replace' it again");
}

static int pause_guest(struct replace *r, struct err *err)
{
	if (check_undisturbed(r, err) < 0)
		return -1;
	if (xc_domain_pause(r->watch->host->xc, r->watch->plan->guest_domid) < 0)
		return err_errno(err, ERR_HOST, errno, "pausing the guest");
	r->paused_ms = clock_ms();
	/* A PV device may have come into use since the first look. */
	return domain_backends_check_unused(r->watch->backends, err);
}

/* Now that the guest can take no device away any more.  QEMU may have got one by QMP, too. */
static int look_again(struct replace *r, int64_t until, struct err *err)
{
	const struct replace_gone first = r->gone;

	if (ask(r, REPLACE_LOOK, until, err) < 0)
		return -1;
	return first.nics == r->gone.nics && first.drives == r->gone.drives
		       ? 0
		       : err_set(err, ERR_GUEST,
				 "its PV drivers have taken emulated devices away "
				 "meanwhile; 'stubdom replace' it again");
}

static int give_state(struct replace *r, struct err *err)
{
	struct relay_msg msg = {.type = RELAY_STATE};
	struct stat st;

	if (fstat(r->state_fd, &st) < 0 || lseek(r->state_fd, 0, SEEK_SET) < 0)
		return err_errno(err, ERR_HOST, errno, "the saved state");
	log_info("QEMU's state has %lld bytes", (long long)st.st_size);
	r->state_bytes = st.st_size;
	r->gave_state = true;
	/* The relay may have wanted to go on with the state of an earlier attempt. */
	r->channels->wanted[r->watch->plan->n_channels] = false;
	r->channels->next_channel = r->next.restore;
	if (relay_msg_send(r->watch->relay->control, &msg, &r->state_fd, 1) < 0)
		return err_errno(err, ERR_HOST, errno, "handing the state to the relay");
	return 0;
}

/* QEMU takes a connection that ends at once for a state, too.  The relay reads our file. */
static int check_taken(const struct replace *r, struct err *err)
{
	return lseek(r->state_fd, 0, SEEK_CUR) >= r->state_bytes
		       ? 0
		       : err_set(err, ERR_STUB,
				 "the new QEMU runs without the guest's state");
}

/* Up to the point where the new QEMU has the guest's state and its interfaces. */
static int take_over(struct replace *r, const char *image, struct err *err)
{
	struct domain_watch *watch = r->watch;
	int64_t until;

	r->channels->replaces = true;
	if (check_migrates(r, err) < 0 || check(r, err) < 0 || look(r, err) < 0 ||
	    replace_new_plan(&r->next, watch, &r->now.plan, &r->gone, image, err) < 0)
		return -1;
	enter(r, BUILD);
	if (replace_new_make(&r->next, watch, err) < 0)
		return -1;
	enter(r, BOOT);
	r->channels->next_stub = r->next.stub;
	r->channels->console_given = false;
	until = clock_ms() + (int64_t)watch->plan->timeout_s * 1000;
	if (wait_stage(r, STUBDOM_STAGE_INCOMING, until, err) < 0)
		return -1;
	enter(r, SAVE);
	if (pause_guest(r, err) < 0)
		return -1;
	until = r->paused_ms + PAUSE_MS;
	r->channels->stands = true;
	if (look_again(r, until, err) < 0)
		return -1;
	r->asked_save = true;
	if (ask(r, REPLACE_SAVE, until, err) < 0)
		return -1;
	enter(r, LOAD);
	if (give_state(r, err) < 0 ||
	    wait_stage(r, STUBDOM_STAGE_RUNNING, until, err) < 0)
		return -1;
	enter(r, SWITCH);
	if (check_taken(r, err) < 0 || check_undisturbed(r, err) < 0)
		return -1;
	return replace_vif_move(watch->plan, watch->stub, r->next.stub, err);
}

/* Whether the old QEMU serves the guest again. */
static bool old_goes_on(struct replace *r, struct err *err)
{
	if (r->gave_state && !replace_new_stop(&r->next, r->watch, END_PAUSED_MS))
		return err_set(err, ERR_STUB,
			       "the new one died when it served the guest already") == 0;
	if (!stub_lives(r))
		return err_set(err, ERR_STUB, "its stub domain has ended, too") == 0;
	/* A toolstack that saves the guest lets QEMU go on afterwards, and not earlier. */
	return !r->asked_save || guest_life(r) == DOMAIN_LIFE_SHUTDOWN ||
	       ask(r, REPLACE_BACK, clock_ms() + BACK_MS, err) == 0 ||
	       guest_life(r) == DOMAIN_LIFE_SHUTDOWN;
}

/* Returns the guest to the old QEMU, which has everything still. */
static void give_back(struct replace *r, struct err *err)
{
	uint32_t guest = r->watch->plan->guest_domid;
	struct err why = {0};

	if (!old_goes_on(r, &why)) {
		log_error("the old QEMU does not go on: %s; the guest stays paused, and "
			  "'xl destroy %u' ends it",
			  why.msg, guest);
		err_prefix(err, "the guest stays paused, 'xl destroy %u' ends it", guest);
		return;
	}
	if (xc_domain_unpause(r->watch->host->xc, guest) < 0)
		log_error("the guest stays paused ('xl unpause %u'): %s", guest,
			  strerror(errno));
	log_info("the guest was paused for %lld ms",
		 (long long)(clock_ms() - r->paused_ms));
}

static void go_back(struct replace *r, struct err *err)
{
	struct domain_watch *watch = r->watch;

	r->channels->next_stub = 0;
	r->channels->next_channel = NULL;
	r->channels->console_given = false;
	r->goes_back = true;
	r->channels->stands = false;
	/* A guest that is being saved, too: it may go on afterwards, and our pause is ours. */
	if (r->paused_ms && guest_life(r) != DOMAIN_LIFE_GONE)
		give_back(r, err);
	replace_new_drop(&r->next, watch, r->gave_state ? 0 : END_MS);
}

/* It keeps evidence, with the manifest that it was started with.  There is always one. */
static void renew_guardian(struct domain_watch *watch)
{
	struct guardian old = *watch->guardian;
	struct err err;

	watch->guardian->manifest = watch->manifest;
	if (guardian_start(watch->guardian, watch->plan, watch->uuid, watch->host->libxl,
			   watch->relay->pidfd, &err) == 0) {
		guardian_stop(&old);
		return;
	}
	log_error("%s", err.msg);
	*watch->guardian = old;
}

/* Everything that names the stub domain names the new one from now on. */
static void adopt(struct replace *r)
{
	struct domain_watch *watch = r->watch;
	struct domain_hotplug *hotplug = watch->hotplug;
	struct err err;

	domain_nodes_unwatch(r->nodes);
	watch->stub = hotplug->stub = watch->pci->stub = r->next.stub;
	domain_orders_free(watch->orders);
	*watch->orders = r->next.orders;
	r->next.orders.console_lock = -1;
	domain_config_free(&hotplug->config);
	hotplug->config = r->next.config;
	r->next.config = (struct domain_config){0};
	replace_new_keep_root(&r->next, hotplug->disks);
	manifest_free(&watch->replaced);
	watch->replaced = r->next.manifest;
	watch->manifest = &watch->replaced;
	r->next.manifest = (struct manifest){.fd = -1};
	r->channels->stub = r->next.stub;
	r->channels->next_stub = 0;
	r->channels->next_channel = NULL;
	if (domain_nodes_watch(r->nodes, watch->host->xs, watch->stub, &err) < 0 ||
	    domain_watch_name(watch->host, watch->stub, &err) < 0)
		log_error("%s", err.msg);
	if (domain_facts_write(watch->host, watch->plan, watch->manifest, watch->stub,
			       watch->relay->landlock, &err) < 0)
		log_warn("%s", err.msg);
	renew_guardian(watch);
}

/* Meanwhile the clients are connected to the new one. */
static bool old_leaves(struct replace *r, uint32_t old)
{
	struct domain_host *host = r->watch->host;
	int64_t until = clock_ms() + END_MS;
	struct err ignored;

	domain_ask_leave(host, old, 0);
	while (domain_host_life(host, old) == DOMAIN_LIFE_ALIVE)
		if (serve(r, until, &ignored) < 0)
			return domain_host_life(host, old) != DOMAIN_LIFE_ALIVE;
	return true;
}

/* The new QEMU has it all: from here on there is no way back, and none is needed. */
static void commit(struct replace *r)
{
	struct domain_watch *watch = r->watch;
	struct relay_msg msg = {.type = RELAY_SWITCH};
	uint32_t old = watch->stub;
	bool went_on;
	struct err err;

	*watch->host->freed_kb = 0; /* the new stub domain's now, to its end */
	/* The guest looks at them when it runs; the kind was checked when it was paused. */
	if (domain_backends_switch(watch->backends, r->next.stub, &err) < 0)
		log_error("%s", err.msg);
	/* Without an ioreq server the guest's accesses would find no device. */
	replace_let_settle(watch->host, r->next.stub);
	r->paused_ms = replace_unpause(watch->host, watch->plan->guest_domid, &went_on) -
		       r->paused_ms;
	enter(r, END);
	adopt(r);
	relay_msg_send(watch->relay->control, &msg, NULL, 0);
	replace_qmp_stop(&r->qmp);
	r->channels->stands = false;
	log_info("domain %u runs the device model of domain %u, in place of domain %u",
		 watch->stub, watch->plan->guest_domid, old);
	if (!went_on || !old_leaves(r, old))
		log_warn("QEMU in domain %u did not end by itself; Xen lists the domain "
			 "until the guest ends",
			 old);
	if (domain_remove_one(watch->host, old, &err) < 0)
		log_error("%s", err.msg);
	domain_name_follow(watch->host, watch->plan, watch->stub);
	domain_vif_rate_copy(watch->host, watch->plan, watch->stub);
	enter(r, PHASES);
}

static void answer(struct replace *r, const char *fault)
{
	char text[1200];
	size_t n;

	if (fault) {
		snprintf(text, sizeof(text), "%s error %s", r->number, fault);
		say(r, STUBDOM_FACT_REPLACE_ANSWER, text);
		return;
	}
	n = (size_t)snprintf(text, sizeof(text), "%s stub=%u pause_ms=%lld", r->number,
			     r->watch->stub, (long long)r->paused_ms);
	for (int i = 0; i < PHASES && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s_ms=%lld", names[i],
				      (long long)r->ms[i]);
	log_info(START_LOG_REPLACED "%s", strchr(text, ' '));
	say(r, STUBDOM_FACT_REPLACE_ANSWER, text);
}

/* "NUMBER IMAGE"; false: nothing is asked, or it is answered already. */
static bool read_request(struct replace *r, char *ask, const char **image)
{
	cleanup_free char *answered = xenstore_read(
		r->watch->host->xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_REPLACE_ANSWER,
		r->watch->plan->guest_domid);
	char *space = ask ? strchr(ask, ' ') : NULL;
	size_t len;

	if (!space || space == ask || (size_t)(space - ask) >= sizeof(r->number))
		return false;
	len = (size_t)(space - ask);
	if (answered && strncmp(answered, ask, len + 1) == 0)
		return false;
	memcpy(r->number, ask, len);
	*image = space[1] ? space + 1 : r->watch->manifest->dir;
	return true;
}

int domain_replace_watch(const struct domain_watch *watch, struct err *err)
{
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_REPLACE_ASK,
		 watch->plan->guest_domid);
	if (xs_watch(watch->host->xs, path, DOMAIN_REPLACE))
		return 0;
	return err_errno(err, ERR_HOST, errno, "xenstore: watching %s", path);
}

bool domain_replace(struct domain_watch *watch, struct domain_channels *channels,
		    struct domain_nodes *nodes)
{
	struct replace r = {
		.watch = watch,
		.channels = channels,
		.nodes = nodes,
		.next.stub = REPLACE_NO_STUB,
		.next.orders.console_lock = -1,
		.qmp.fd = -1,
		.state_fd = -1,
		.entered_ms = clock_ms(),
	};
	cleanup_free char *asked = xenstore_read(
		watch->host->xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_REPLACE_ASK,
		watch->plan->guest_domid);
	const char *image;
	struct err err;
	bool done;

	if (!read_request(&r, asked, &image))
		return false;
	log_info("asked to replace QEMU by that of %s", image);
	enter(&r, CHECK);
	done = take_over(&r, image, &err) == 0;
	if (done) {
		commit(&r);
	} else {
		enum phase at = r.phase;

		go_back(&r, &err);
		err_prefix(&err, "QEMU is not replaced (%s)", names[at]);
		log_error("%s", err.msg);
	}
	channels->replaces = channels->stands = false;
	if (done && !stub_lives(&r)) {
		err_set(&err, ERR_STUB,
			"the new stub domain took over and has ended since; 'stubdom "
			"status' says what became of the guest");
		answer(&r, err.msg);
	} else {
		answer(&r, done ? NULL : err.msg);
	}
	xenstore_remove(watch->host->xs,
			STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_REPLACE_PHASE,
			watch->plan->guest_domid);
	replace_qmp_stop(&r.qmp);
	if (r.state_fd >= 0)
		close(r.state_fd);
	replace_new_free(&r.next);
	replace_medium_free(&r.now);
	return done;
}
