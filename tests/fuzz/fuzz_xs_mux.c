/* SPDX-License-Identifier: MIT */
/*
 * Fuzz: nub's xenstore connection, with programs that write anything and a xenstored that
 * answers anything.  A program gets answers to its own requests and events of its own
 * watches, and no other's; nothing stays allocated.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/xen/xs_mux.h"
#include "../unit/kernel/shim.h"
#include "fuzz.h"

enum { CLIENTS = 3, STEPS_MAX = 400 };

static struct xenstore_domain_interface page;
static struct xs_mux mux;
static struct client {
	struct xs_client c;
	bool open;
	unsigned asked, answered;
} clients[CLIENTS];

/* A request's id names its owner; so does the first letter of a watch's token. */
static uint32_t own_id(const struct client *client)
{
	return (uint32_t)(client - clients) << 24 | client->asked;
}

static void deliver(struct xs_client *c, struct xs_msg *m)
{
	struct client *client = c->priv;
	unsigned self = (unsigned)(client - clients);

	if (!client->open || m->hdr.len > XENSTORE_PAYLOAD_MAX ||
	    m->body[m->hdr.len] != '\0')
		abort();
	if (m->hdr.type == XS_WATCH_EVENT) {
		const char *token = memchr(m->body, '\0', m->hdr.len);

		if (!token || token[1] != (char)('a' + self))
			abort();
	} else {
		if (m->hdr.req_id >> 24 != self ||
		    (m->hdr.req_id & 0xffffff) >= client->asked)
			abort();
		client->answered++;
	}
	kfree(m);
}

static void open_client(struct client *client)
{
	if (client->open)
		return;
	client->open = true;
	xs_client_init(&mux, &client->c, deliver, client);
}

static void close_client(struct client *client)
{
	if (client->open)
		xs_client_close(&client->c);
	client->open = false;
}

static void submit(struct client *client, uint8_t type, uint8_t tx, const uint8_t *data,
		   size_t n)
{
	struct xsd_sockmsg hdr = {type % 25u, own_id(client), tx % 4u, (uint32_t)n};
	char body[300];
	int rc;

	if (!client->open)
		return;
	memcpy(body, data, n);
	if (hdr.type == XS_WATCH || hdr.type == XS_UNWATCH)
		/* "PATH\0" and a token that names the owner. */
		hdr.len = (uint32_t)(snprintf(body, sizeof(body), "/p%u%c%c%u", type & 3,
					      0, 'a' + (int)(client - clients), tx & 3) +
				     1);
	client->asked++;
	rc = xs_client_submit(&client->c, &hdr, body);
	if (rc < 0 && rc != -EINVAL && rc != -EAGAIN && rc != -ENOMEM && rc != -EIO)
		abort();
	if (client->answered > client->asked)
		abort();
}

/* xenstored's side: a message under an id that may be one of ours, or raw bytes. */
static void answer(uint8_t how, const uint8_t *data, size_t n)
{
	struct xsd_sockmsg hdr = {how % 25u, data[0], data[n / 2] % 4u, (uint32_t)n};
	uint8_t bytes[sizeof(hdr) + 300];
	size_t len = sizeof(hdr) + n, from = how & 0x80 ? sizeof(hdr) : 0;

	memcpy(bytes, &hdr, sizeof(hdr));
	memcpy(bytes + sizeof(hdr), data, n);
	for (size_t i = from; i < len; i++) {
		if (page.rsp_prod - page.rsp_cons >= XENSTORE_RING_SIZE)
			xs_mux_pump(&mux);
		page.rsp[MASK_XENSTORE_IDX(page.rsp_prod)] = (char)bytes[i];
		page.rsp_prod++;
	}
}

static void one_step(uint8_t step, uint8_t arg, const uint8_t *data, size_t n)
{
	struct client *client = &clients[step / 8 % CLIENTS];

	switch (step % 8) {
	case 0:
		open_client(client);
		break;
	case 1:
		close_client(client);
		break;
	case 2:
	case 3:
		submit(client, arg, n ? data[0] : 0, data, n);
		break;
	case 4:
	case 5:
		if (n)
			answer(arg, data, n);
		break;
	case 6: /* it takes what we wrote, or says so */
		page.req_cons = arg & 1 ? page.req_prod : page.req_cons + arg;
		break;
	default: /* no memory, for a while */
		shim_fail_after = arg & 0x80 ? -1 : arg % 8;
		break;
	}
	xs_mux_pump(&mux);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned long before = shim_allocations;

	memset(&page, 0, sizeof(page));
	memset(clients, 0, sizeof(clients));
	xs_mux_init(&mux, &page);
	for (unsigned i = 0; i < STEPS_MAX && size >= 3; i++) {
		size_t n = data[2] < size - 3 ? data[2] : size - 3;

		one_step(data[0], data[1], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
	shim_fail_after = -1;
	for (int i = 0; i < CLIENTS; i++)
		close_client(&clients[i]);
	/* The end of a connection whose other side counts wrong. */
	page.rsp_prod = page.rsp_cons + 2 * XENSTORE_RING_SIZE;
	xs_mux_pump(&mux);
	if (!mux.dead || shim_allocations != before)
		abort();
	return 0;
}
