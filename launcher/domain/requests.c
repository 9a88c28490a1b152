/* SPDX-License-Identifier: MIT */
/* Opens the stub domain's vchan servers for the relay, which has no right to. */
#include "domain/requests.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/channel.h"
#include "abi/facts.h"
#include "cleanup.h"
#include "clock.h"
#include "decimal.h"
#include "endpoint/endpoint.h"
#include "log.h"
#include "pty_slave.h"
#include "relay/msg.h"
#include "xenstore_util.h"

/* The relay's clock and ours may be read a moment apart. */
enum { DIAL_SLACK_MS = 100 };

/*
 * A message costs little, a device a second of libxl's.  A line of the log that the relay
 * has us write again and again costs as much.  The dear part of a connection is to open
 * the stub domain's server, so each channel has a rate of its own for that.  A channel
 * that the stub domain closes again and again does not keep the others waiting.
 */
enum { ASK_COST = 1, DEVICE_COST = 50, COST_PER_S = 100, COST_AT_ONCE = 1000 };
enum { OFFERS_PER_S = 1, OFFERS_AT_ONCE = 20 };

int domain_channels_init(struct domain_channels *channels, const struct plan *plan,
			 struct relay *relay, struct err *err)
{
	*channels = (struct domain_channels){
		.plan = plan,
		.relay = relay,
		.asked = rate_full(COST_PER_S, COST_AT_ONCE),
	};
	channels->wanted = calloc(plan->n_channels + 1, sizeof(bool));
	channels->dialled_ms = calloc(plan->n_channels + 1, sizeof(int64_t));
	channels->offers = calloc(plan->n_channels + 1, sizeof(struct rate));
	if (channels->wanted && channels->dialled_ms && channels->offers) {
		for (size_t i = 0; i <= plan->n_channels; i++)
			channels->offers[i] = rate_full(OFFERS_PER_S, OFFERS_AT_ONCE);
		return 0;
	}
	domain_channels_free(channels);
	return err_set(err, ERR_HOST, "out of memory");
}

void domain_channels_free(struct domain_channels *channels)
{
	free(channels->wanted);
	free(channels->dialled_ms);
	free(channels->offers);
	channels->offers = NULL;
	channels->wanted = NULL;
	channels->dialled_ms = NULL;
}

/*
 * The relay gets no connections but those of the plan, and not more often than it says.
 * Without one it tries again later.
 */
static int dial(struct domain_channels *channels, uint32_t i)
{
	const struct plan_endpoint *end = &channels->plan->channels[i].endpoint;
	bool dials = end->type == PLAN_ENDPOINT_UNIX_CONNECT ||
		     end->type == PLAN_ENDPOINT_TCP_CONNECT;
	int64_t pause_ms = end->reconnect_s * INT64_C(1000) - DIAL_SLACK_MS;
	struct relay_msg msg = {.type = RELAY_DIALLED, .channel = i};
	int64_t now = clock_ms();
	cleanup_fd int fd = -1;
	struct err err;

	if (dials && end->reconnect_s && now - channels->dialled_ms[i] >= pause_ms) {
		channels->dialled_ms[i] = now;
		fd = endpoint_dial(end, &err);
	}
	return relay_msg_send(channels->relay->control, &msg, &fd, fd >= 0);
}

/* Told to people by the guest's record; the guest is left as it is. */
static void tell_silence(struct domain_channels *channels, bool silent)
{
	const struct plan *plan = channels->plan;
	struct xs_handle *xs = channels->hotplug->host->xs;
	struct err err;

	if (silent)
		waited_add(&channels->waited, clock_ms());
	else
		channels->waited = (struct waited){0};
	if (channels->silent == silent)
		return;
	channels->silent = silent;
	if (!silent) {
		/* Before the line: a reader of the log finds the list true. */
		xenstore_remove(xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_SILENT,
				plan->guest_domid);
		log_info("QEMU in %s answers again", plan->name);
		return;
	}
	log_warn(
		"QEMU in %s has not answered a QMP command for some seconds; is the stub "
		"domain paused, or this host overloaded?",
		plan->name);
	if (xenstore_write(xs, &err, "1", STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_SILENT,
			   plan->guest_domid) < 0)
		log_warn("%s", err.msg);
}

int domain_channels_check_silence(const struct domain_channels *channels, struct err *err)
{
	const struct plan *plan = channels->plan;
	unsigned waited_s = waited_seconds(&channels->waited);

	if (!plan->silence_max_s || waited_s < plan->silence_max_s)
		return 0;
	return err_set(
		err, ERR_STUB,
		"QEMU in %s answers no QMP command; commands have waited for %u s, "
		"and 'silence-max' is %u s",
		plan->name, waited_s, plan->silence_max_s);
}

/* "xvda 1024" */
static int grow(struct domain_channels *channels, const char *text, struct err *err)
{
	unsigned long long size;
	char dev[16];
	int end = 0;

	if (sscanf(text, "%15[a-z] %18llu%n", dev, &size, &end) != 2 || text[end])
		return err_set(err, ERR_USAGE, "there is no such disk");
	return domain_hotplug_grow(channels->hotplug, dev, size, err);
}

/* A device that QEMU has let go is taken away all the same. */
static int check_replaces(const struct domain_channels *channels, uint32_t type,
			  struct err *err)
{
	bool waits = channels->replaces && type != RELAY_DETACH && type != RELAY_RETURN &&
		     type != RELAY_RUN;

	return waits ? err_set(err, ERR_GUEST,
			       "the guest's QEMU is being replaced; ask again when that "
			       "is over")
		     : 0;
}

/* For a QMP command; disk_hotplug.h says which requests are allowed. */
static int do_request(struct domain_channels *channels, const struct relay_msg *asked,
		      int fd, struct relay_msg *reply, struct err *err)
{
	if (check_replaces(channels, asked->type, err) < 0)
		return -1;
	switch (asked->type) {
	case RELAY_ATTACH:
		return domain_hotplug_attach(channels->hotplug, fd, reply->text, err);
	case RELAY_GROW:
		return grow(channels, asked->text, err);
	case RELAY_RUN:
		return domain_backends_let_run(channels->backends, err);
	case RELAY_LEND:
		return domain_pci_lend(channels->pci, asked->text, err);
	case RELAY_RETURN:
		domain_pci_return(channels->pci, asked->text);
		return 0;
	default:
		return domain_hotplug_detach(channels->hotplug, asked->text, err);
	}
}

static void serve_request(struct domain_channels *channels, const struct relay_msg *asked,
			  int fd)
{
	struct relay_msg reply = {.type = asked->type, .channel = asked->channel};
	struct err err;
	int rc = do_request(channels, asked, fd, &reply, &err);

	if (asked->type == RELAY_LEND && rc == 0)
		memcpy(reply.text, asked->text, sizeof(reply.text));
	if (rc < 0) {
		log_warn("channel %s: %s", channels->plan->channels[asked->channel].name,
			 err.msg);
		reply.code = err.code;
		snprintf(reply.text, sizeof(reply.text), "%.*s",
			 (int)sizeof(reply.text) - 1, err.msg);
	}
	relay_msg_send(channels->relay->control, &reply, NULL, 0);
}

/* -1: it is no request that the relay may make. */
static int take_request(struct domain_channels *channels, const struct relay_msg *msg,
			int fd)
{
	if (msg->type == RELAY_MIGRATES) {
		channels->migrates = msg->code != 0;
		return 0;
	}
	if (msg->type == RELAY_HELD) {
		channels->held = true;
		return 0;
	}
	/* The one for QEMU's state is no channel of the plan, and an offer is all it gets. */
	if (msg->channel > channels->plan->n_channels ||
	    (msg->channel == channels->plan->n_channels && msg->type != RELAY_WANT))
		return -1;
	switch (msg->type) {
	case RELAY_WANT:
		channels->wanted[msg->channel] = true;
		return 0;
	case RELAY_DIAL:
		return dial(channels, msg->channel);
	case RELAY_SILENT:
		if (channels->plan->channels[msg->channel].kind != STUBDOM_CHANNEL_QMP)
			return -1;
		tell_silence(channels, msg->code == 1);
		return 0;
	case RELAY_ATTACH:
		if (fd < 0)
			return -1;
		/* fall through */
	case RELAY_DETACH:
	case RELAY_GROW:
	case RELAY_RUN:
	case RELAY_LEND:
	case RELAY_RETURN:
		if (channels->plan->channels[msg->channel].kind != STUBDOM_CHANNEL_QMP)
			return -1;
		serve_request(channels, msg, fd);
		return 0;
	default:
		return -1;
	}
}

bool domain_channels_may_ask(struct domain_channels *channels)
{
	return rate_left(&channels->asked, clock_ms()) > 0;
}

int domain_channels_hear(struct domain_channels *channels, struct err *err)
{
	struct relay_msg msg;
	int fds[RELAY_FDS_MAX];
	int rc = relay_msg_receive(channels->relay->control, &msg, fds);

	if (rc > 0) {
		bool dear = msg.type == RELAY_ATTACH || msg.type == RELAY_DETACH ||
			    msg.type == RELAY_GROW || msg.type == RELAY_LEND ||
			    msg.type == RELAY_RETURN || msg.type == RELAY_SILENT;

		rate_spend(&channels->asked, dear ? DEVICE_COST : ASK_COST);
		rc = take_request(channels, &msg, fds[0]);
	}
	for (int i = 0; i < RELAY_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return rc < 0 ? relay_report_end(channels->relay, err) : 0;
}

/* A number that the stub domain wrote. */
static bool read_number(struct domain_host *host, uint32_t stub, const char *name,
			const char *leaf, uint32_t *out)
{
	cleanup_free char *text =
		xenstore_read(host->xs, "/local/domain/%u/" STUBDOM_XS_CHANNEL "/%s/%s",
			      stub, name, leaf);

	return decimal_parse_unsigned(text, 1, UINT32_MAX, out) == 0;
}

/* True: try again later. */
static bool serve_one(struct domain_channels *channels, struct domain_host *host,
		      size_t i)
{
	const struct plan *plan = channels->plan;
	bool next = i == plan->n_channels;
	const char *name = next ? channels->next_channel : plan->channels[i].name;
	uint32_t stub = next ? channels->next_stub : channels->stub;
	struct relay_msg msg = {.type = RELAY_OFFER, .channel = (uint32_t)i};
	struct channel_rings most;
	uint32_t ring_ref;
	uint32_t port;
	struct err err;
	int rc;

	/* A stub domain may publish servers that are none, one after the other. */
	if (rate_left(&channels->offers[i], clock_ms()) == 0)
		return true;
	rate_spend(&channels->offers[i], 1);
	/* No server: xenstore will say when there is one. */
	if (!read_number(host, stub, name, "ring-ref", &ring_ref) ||
	    !read_number(host, stub, name, "event-channel", &port))
		return false;
	most = channel_kind_rings(next ? STUBDOM_CHANNEL_RESTORE
				       : plan->channels[i].kind);
	rc = vchan_offer_open(stub, ring_ref, port, &most, &msg.offer, &err);
	if (rc < 0) {
		log_warn("channel %s: %s", name, err.msg);
		channels->wanted[i] = err.code == ERR_HOST;
		return channels->wanted[i];
	}
	if (rc > 0)
		return true;
	relay_msg_send(channels->relay->control, &msg,
		       (int[]){msg.offer.grant_fd, msg.offer.event_fd}, 2);
	vchan_offer_close(&msg.offer);
	channels->wanted[i] = false;
	return false;
}

/* The pty that xenconsoled made for the stub domain's console. */
static void give_console(struct domain_channels *channels, struct domain_host *host)
{
	struct relay_msg msg = {.type = RELAY_CONSOLE};
	uint32_t stub = channels->next_stub ? channels->next_stub : channels->stub;
	cleanup_free char *tty =
		xenstore_read(host->xs, "/local/domain/%u/console/tty", stub);
	cleanup_fd int fd = -1;
	struct err err;

	if (!tty || !*tty)
		return;
	fd = pty_slave_open(tty, O_RDONLY | O_NONBLOCK, &err);
	if (fd < 0) {
		log_warn("the stub domain's console cannot be opened: %s", err.msg);
		channels->console_given = true;
		return;
	}
	relay_msg_send(channels->relay->control, &msg, &fd, 1);
	channels->console_given = true;
}

bool domain_channels_serve(struct domain_channels *channels, struct domain_host *host)
{
	bool again = false;

	if (!channels->console_given)
		give_console(channels, host);
	for (size_t i = 0; i < channels->plan->n_channels; i++) {
		if (channels->wanted[i])
			again |= serve_one(channels, host, i);
	}
	if (channels->next_channel && channels->wanted[channels->plan->n_channels])
		again |= serve_one(channels, host, channels->plan->n_channels);
	return again;
}
