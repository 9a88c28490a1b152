/* SPDX-License-Identifier: MIT */
/* Fuzz: nub's driver of network interfaces with a back end that answers, writes, keeps
 * pages, and goes through states as it likes. Memory stays bounded, and all of it is free
 * at the end. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/kernel/backend.h"
#include "../unit/kernel/shim.h"
#include "fuzz.h"

#include "../../kernel/drivers/netfront.c"

enum {
	STEPS = 8,
	SPARE = 64,
	ALLOCATIONS_MAX = 8 * (GRANT_HELD_MAX + 2 * NETRING_SLOTS)
};

static struct xenbus_device xb;
static struct netfront *front; /* NULL: gone */

static void sink(struct netdev *dev, struct netbuf *nb)
{
	if (nb->total < 14 || nb->total > NETFRAME_MAX)
		abort();
	netbuf_free(nb);
}

static void start(void)
{
	xb = (struct xenbus_device){.other_dom = 3};
	if (probe(&xb))
		abort();
	front = xb.priv;
	front->dev.up = true;
	front->dev.rx = sink;
	changed(&xb, XenbusStateInitWait);
	changed(&xb, XenbusStateConnected);
}

static void answer(uint8_t how, uint8_t more)
{
	struct netif_rx_sring *s = front->rx.shared;
	struct netif_rx_response r = {.flags = how & 15,
				      .status = (int16_t)(how & 16   ? -more
							  : how & 32 ? more * 16
								     : more),
				      .offset = how & 64 ? 0xf00u | more : 0};

	if (s->rsp_prod == s->req_prod)
		return;
	memcpy(&s->ring[s->rsp_prod++ % NETRING_SLOTS].rsp, &r, sizeof(r));
}

static void send(uint8_t how)
{
	struct netbuf *first = NULL, **tail = &first;
	unsigned n = 1 + how % 4;

	for (unsigned i = 0; i < n; i++) {
		struct netbuf *nb = netbuf_alloc();

		nb->len = 100;
		*tail = nb;
		tail = &nb->next;
	}
	first->total = n * 100;
	first->flags = how & 16 ? NETBUF_GSO4 : 0;
	first->gso_size = 50;
	front->dev.ops->xmit(&front->dev, first);
}

static void scribble(const uint8_t *data, size_t n, uint8_t how)
{
	uint8_t *page = how & 1 ? (void *)front->rx.shared : (void *)front->tx.shared;
	size_t to = how & 2 ? how % 32 : (size_t)how * 16;

	memcpy(page + to, data, n);
}

static size_t step(uint8_t what, uint8_t how, const uint8_t *rest, size_t left)
{
	size_t n = MIN(left, (size_t)(how % 16));

	switch (what % STEPS) {
	case 0:
		for (unsigned i = 0; front->connected && i <= how % 32u; i++)
			answer(how, (uint8_t)(how * 7 + i));
		break;
	case 1:
		if (front->port >= 0)
			backend_event();
		break;
	case 2:
		if (front->connected)
			scribble(rest, n, how);
		return n;
	case 3:
		backend_online = how & 8;
		changed(&xb, (enum xenbus_state)(how & 7));
		break;
	case 4:
		backend_keeps = how & 1;
		if (!backend_keeps)
			backend_lets_go();
		break;
	case 5:
		send(how);
		break;
	case 6:
		for (unsigned i = 0; front->connected && i < how; i++)
			answer(NETRXF_more_data, how);
		break;
	default:
		backend_online = true;
		changed(&xb, XenbusStateClosed);
		changed(&xb, XenbusStateInitWait);
		changed(&xb, XenbusStateConnected);
		break;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	backend_online = true;
	start();
	for (size_t at = 0; at + 2 <= size;) {
		at += 2 + step(data[at], data[at + 1], data + at + 2, size - at - 2);
		if (shim_allocations > ALLOCATIONS_MAX)
			abort();
		if (xb.gone)
			start();
	}
	removed(&xb);
	backend_lets_go();
	if (backend_has || shim_allocations > SPARE)
		abort();
	return 0;
}
