/* SPDX-License-Identifier: MIT */
/* Another stub domain under a guest that runs: docs/replace.md. */
#include "domain/replace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/boot.h"
#include "abi/facts.h"
#include "cleanup.h"
#include "clock.h"
#include "domain/links.h"
#include "domain/replace_end.h"
#include "domain/replace_state.h"
#include "domain/replace_take.h"
#include "domain/replace_vcpus.h"
#include "domain/replace_vif.h"
#include "domain/saver.h"
#include "log.h"
#include "start_log.h"
#include "xenstore_util.h"

enum {
	/* Of the guest, until it has the new QEMU or goes back to the old one. */
	PAUSE_MS = 6000,
	LOOK_MS = 15000, /* for QEMU's answers before that */
	HOLD_MS = 5000,	 /* for those to its clients */
	LINKS_MS = 5000, /* for dom0's back ends, once QEMU waits for the state */
};

/* Refusals that need nobody's answer. */
static int check(struct replace *r, struct err *err)
{
	const struct domain_watch *watch = r->watch;
	const struct plan *plan = watch->plan;

	if (plan->kernel != STUBOPT_KERNEL_NUB && !r->wish.nub)
		return err_set(
			err, ERR_USAGE,
			"its stub domain's kernel is Linux, which cannot keep a new "
			"QEMU from the guest; '--kernel nub' gives it nub");
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
	r->state_fd = memfd_create("stubdom state", MFD_CLOEXEC);
	if (r->state_fd < 0)
		return err_errno(err, ERR_HOST, errno, "making a memfd");
	if (replace_start_child(r, err) < 0)
		return -1;
	return replace_run_step(r, ASKER_LOOK, clock_ms() + LOOK_MS, err);
}

static int check_migrates(const struct replace *r, struct err *err)
{
	/* A toolstack that died has told QEMU nothing more. */
	if (!r->channels->migrates || !saver_runs(r->watch->plan->guest_domid))
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

	if (replace_run_step(r, ASKER_LOOK, until, err) < 0)
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

/* The interfaces first: until it has taken the guest, it surely has no request. */
static int switch_over(struct replace *r, int64_t until, struct err *err)
{
	const struct domain_watch *watch = r->watch;
	enum replace_take took;
	struct err why;

	if (replace_vif_move(watch->plan, watch->stub, r->next.stub, err) < 0)
		return -1;
	took = replace_take(watch->host, r->next.stub, watch->signals, until, err);
	if (took == REPLACE_TAKEN)
		return 0;
	r->next.torn = took == REPLACE_TORN;
	if (replace_vif_move(watch->plan, r->next.stub, watch->stub, &why) < 0)
		log_error("the guest's interfaces do not come back: %s", why.msg);
	return -1;
}

/* The guest's interfaces go over to these. */
static int wait_links(struct replace *r, struct err *err)
{
	const struct domain_watch *watch = r->watch;
	int64_t until = clock_ms() + LINKS_MS;
	struct err down;

	while (domain_links_check_once(watch->host, watch->plan, r->next.stub, &down) <
	       0) {
		if (domain_host_life(watch->host, r->next.stub) != DOMAIN_LIFE_ALIVE)
			return err_set(err, ERR_STUB,
				       "the new stub domain has ended; 'stubdom log' may "
				       "say why");
		if (replace_serve(r, until, err) >= 0)
			continue;
		if (clock_ms() < until)
			return -1;
		*err = down;
		return err_prefix(err, "the new stub domain");
	}
	return 0;
}

/* Up to the point where the new QEMU has the guest's state and its interfaces. */
static int take_over(struct replace *r, struct err *err)
{
	struct domain_watch *watch = r->watch;
	int64_t until;

	r->channels->replaces = true;
	if (check_migrates(r, err) < 0 || check(r, err) < 0 || look(r, err) < 0 ||
	    replace_new_plan(&r->next, watch, &r->now.plan, &r->gone, &r->wish, err) < 0)
		return -1;
	replace_enter(r, PHASE_BUILD);
	if (replace_new_make(&r->next, watch, err) < 0)
		return -1;
	replace_enter(r, PHASE_BOOT);
	r->channels->next_stub = r->next.stub;
	r->channels->console_given = false;
	until = clock_ms() + (int64_t)watch->plan->timeout_s * 1000;
	if (replace_wait_stage(r, STUBDOM_STAGE_INCOMING, until, err) < 0 ||
	    wait_links(r, err) < 0)
		return -1;
	if (replace_hold(r, clock_ms() + HOLD_MS, err) < 0)
		return -1;
	replace_enter(r, PHASE_SAVE);
	if (pause_guest(r, err) < 0)
		return -1;
	until = r->paused_ms + PAUSE_MS;
	if (look_again(r, until, err) < 0)
		return -1;
	r->asked_save = true;
	if (replace_run_step(r, ASKER_SAVE, until, err) < 0)
		return -1;
	replace_enter(r, PHASE_LOAD);
	if (give_state(r, err) < 0 ||
	    replace_wait_stage(r, STUBDOM_STAGE_RUNNING, until, err) < 0)
		return -1;
	replace_enter(r, PHASE_SWITCH);
	if (check_taken(r, err) < 0 || check_undisturbed(r, err) < 0)
		return -1;
	return switch_over(r, until, err);
}

static void answer(struct replace *r, const char *fault)
{
	char text[1200];
	size_t n;

	if (fault) {
		snprintf(text, sizeof(text), "%s error %s", r->number, fault);
		replace_say(r, STUBDOM_FACT_REPLACE_ANSWER, text);
		return;
	}
	n = (size_t)snprintf(text, sizeof(text),
			     "%s stub=%u pause_ms=%lld state_bytes=%lld", r->number,
			     r->watch->stub, (long long)r->paused_ms,
			     (long long)r->state_bytes);
	for (int i = 0; i < PHASES && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s_ms=%lld",
				      replace_phase_name(i), (long long)r->ms[i]);
	log_info(START_LOG_REPLACED "%s", strchr(text, ' '));
	replace_say(r, STUBDOM_FACT_REPLACE_ANSWER, text);
}

static bool take_word(struct replace_wish *wish, const char *word)
{
	if (sscanf(word, "memory=%u", &wish->memory_mb) == 1 ||
	    sscanf(word, "vcpus=%u", &wish->vcpus) == 1)
		return true;
	if (strcmp(word, "kernel=nub") == 0)
		return wish->nub = true;
	if (strncmp(word, "topology=", 9) != 0)
		return false;
	wish->topology = word + 9;
	return true;
}

/* Words of take_word's, and the image.  A word of a later version is no image that there is. */
static void read_wish(struct replace *r, char *text)
{
	r->wish = (struct replace_wish){0};
	for (char *space; (space = strchr(text, ' ')); text = space + 1) {
		*space = '\0';
		if (take_word(&r->wish, text))
			continue;
		*space = ' ';
		break;
	}
	r->wish.image = *text ? text : r->watch->manifest->dir;
}

/* "NUMBER WISH"; false: nothing is asked, or it is answered already. */
static bool read_request(struct replace *r, char *ask)
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
	read_wish(r, space + 1);
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
		.asker.fd = -1,
		.state_fd = -1,
		.entered_ms = clock_ms(),
	};
	cleanup_free char *asked = xenstore_read(
		watch->host->xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_REPLACE_ASK,
		watch->plan->guest_domid);
	struct err err;
	bool done;

	if (!read_request(&r, asked))
		return false;
	log_info("asked to replace QEMU by that of %s", r.wish.image);
	replace_enter(&r, PHASE_CHECK);
	done = take_over(&r, &err) == 0;
	if (done) {
		replace_commit(&r);
	} else {
		enum replace_phase at = r.phase;

		replace_go_back(&r, &err);
		err_prefix(&err, "QEMU is not replaced (%s)", replace_phase_name(at));
		log_error("%s", err.msg);
	}
	channels->replaces = false;
	if (done && !replace_stub_lives(&r)) {
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
	asker_stop(&r.asker);
	if (r.state_fd >= 0)
		close(r.state_fd);
	replace_new_free(&r.next);
	replace_medium_free(&r.now);
	return done;
}
