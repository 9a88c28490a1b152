/* SPDX-License-Identifier: MIT */
/* The agent's channels, of which those called evil-... attack dom0. */
#include "channel.h"

#include <stdio.h>
#include <stdlib.h>

#include "abi/channel.h"
#include "evil.h"
#include "lies.h"
#include "report.h"
#include "vchan.h"

enum { EVIL_MAX = 32, ROUNDS = 16 };

/* agent/channel.c under other names (meson.build). */
int honest_open(const struct boot_contract *boot, struct err *err);
size_t honest_poll(struct pollfd *pfds, int *timeout_ms);
void honest_run(const struct pollfd *pfds, size_t n);
bool honest_ready(void);
void honest_close(int ms);

static struct evil evils[EVIL_MAX];
static bool again[EVIL_MAX];
static size_t n_evils;
static size_t n_honest;

static int offer(struct evil *evil, struct err *err)
{
	evil->sent = 0;
	evil->waits = evil->eager;
	evil->vchan =
		vchan_offer(evil->path, evil->rings.from_dom0, evil->rings.to_dom0, err);
	if (!evil->vchan)
		return -1;
	lies_offered(evil);
	evil_offered(evil);
	return 0;
}

int channels_open(const struct boot_contract *boot, struct err *err)
{
	static struct boot_contract rest;

	for (size_t i = 0; i < boot->n_channels; i++) {
		if (evil_find(boot->channels[i].name) == lies_choose)
			lies_begin(boot->channels[i].name);
	}
	rest = *boot;
	rest.n_channels = 0;
	rest.channels = calloc(boot->n_channels + 1, sizeof(*rest.channels));
	if (!rest.channels)
		return err_set(err, ERR_STUB, "out of memory");
	for (size_t i = 0; i < boot->n_channels; i++) {
		const struct boot_channel *ch = &boot->channels[i];
		int (*act)(struct evil *) = evil_find(ch->name);
		struct evil *evil;

		if (!act && lies_wanted() && ch->kind == STUBDOM_CHANNEL_QMP)
			act = lies_tell;
		if (!act || n_evils == EVIL_MAX) {
			rest.channels[rest.n_channels++] = *ch;
			continue;
		}
		evil = &evils[n_evils];
		evil->act = act;
		evil->eager = ch->kind == STUBDOM_CHANNEL_SERIAL;
		evil->name = ch->name;
		evil->rings = channel_kind_rings(ch->kind);
		snprintf(evil->path, sizeof(evil->path), STUBDOM_XS_CHANNEL "/%s",
			 ch->name);
		if (offer(evil, err) < 0)
			return -1;
		report_line("hostile: %s", ch->name);
		n_evils++;
	}
	return honest_open(&rest, err);
}

size_t channels_poll(struct pollfd *pfds, int *timeout_ms)
{
	n_honest = honest_poll(pfds, timeout_ms);
	for (size_t i = 0; i < n_evils; i++) {
		pfds[n_honest + i] = (struct pollfd){
			.fd = evils[i].vchan ? vchan_fd(evils[i].vchan) : -1,
			.events = POLLIN};
		if (again[i])
			*timeout_ms = 0;
	}
	return n_honest + n_evils;
}

static void run(size_t i, bool event)
{
	struct evil *evil = &evils[i];
	struct err err;
	char byte;
	int rc;

	if (!evil->vchan || (!event && !again[i]))
		return;
	if (event)
		vchan_ack(evil->vchan);
	again[i] = false;
	if (vchan_peer(evil->vchan) == VCHAN_PEER_NONE)
		return;
	/* A serial port is connected from the start; its attack waits for a client. */
	if (evil->waits && vchan_read(evil->vchan, &byte, 1) == 1) {
		evil->waits = false;
		evil->byte = byte;
	}
	if (evil->waits && vchan_peer(evil->vchan) == VCHAN_PEER_OPEN)
		return;
	rc = vchan_peer(evil->vchan) == VCHAN_PEER_GONE ? -1 : 1;
	for (int n = 0; rc > 0 && n < ROUNDS; n++)
		rc = evil->act(evil);
	if (rc >= 0) {
		/* Only a read that finds nothing asks for an event at the next byte. */
		again[i] = rc || evil->waits;
		return;
	}
	vchan_close(evil->vchan);
	if (offer(evil, &err) < 0)
		report_error(&err);
}

void channels_run(const struct pollfd *pfds, size_t n)
{
	honest_run(pfds, n_honest);
	for (size_t i = 0; n_honest + i < n; i++)
		run(i, pfds[n_honest + i].revents);
}

bool channels_ready(void)
{
	return honest_ready();
}

void channels_close(int ms)
{
	honest_close(ms);
}
