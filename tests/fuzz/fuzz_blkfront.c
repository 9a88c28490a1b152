/* SPDX-License-Identifier: MIT */
/* Fuzz: nub's driver of disks with a back end that answers, writes, keeps pages, has
 * properties, and goes through states as it likes. Each request ends once, memory stays
 * bounded, and all of it is free at the end. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/kernel/backend.h"
#include "../unit/kernel/fake_blkdev.h"
#include "../unit/kernel/shim.h"
#include "fuzz.h"

#include "../../kernel/drivers/blkfront.c"

enum { STEPS = 7, ALLOCATIONS_MAX = 2 * (GRANT_HELD_MAX + 2 * BLKQUEUE_PAGES) };

static struct xenbus_device xb;
static struct blkfront *front;
static unsigned asked;

static void start(void)
{
	xb = (struct xenbus_device){.other_dom = 3, .id = 51712};
	if (probe(&xb))
		abort();
	front = xb.priv;
	changed(&xb, XenbusStateInitWait);
	changed(&xb, XenbusStateConnected);
}

static void ask(uint8_t how)
{
	struct blk_io *io;

	/* As drivers/blkdev.c asks: no more than the device takes. */
	if (!front->dev.max_bytes)
		return;
	io = front->dev.ops->get(&front->dev,
				 MIN(512u + how * 1024u, front->dev.max_bytes));
	if (!io)
		return;
	io->op = (enum blk_op)(how & 3);
	io->bytes =
		io->op == BLK_FLUSH ? 0 : MIN(512u + how * 1024u, front->dev.max_bytes);
	asked++;
	front->dev.ops->start(io);
}

static void answer(uint8_t how)
{
	struct blkif_sring *s = front->ring.shared;
	union blkif_sring_entry *e = &s->ring[s->rsp_prod % BLKRING_SLOTS];
	struct blkif_response r = {.id = how & 64 ? how : e->req.id,
				   .status = (int16_t)(how % 4 - 2)};

	if (e->req.operation == BLKIF_OP_INDIRECT && !(how & 64)) {
		struct blkif_request_indirect i;

		memcpy(&i, e, sizeof(i));
		r.id = i.id;
	}
	if (s->rsp_prod == s->req_prod)
		return;
	memcpy(e, &r, sizeof(r));
	s->rsp_prod++;
}

static size_t step(uint8_t what, uint8_t how, const uint8_t *rest, size_t left)
{
	size_t n = MIN(left, (size_t)(how % 16));

	switch (what % STEPS) {
	case 0:
		ask(how);
		break;
	case 1:
		if (front->connected)
			answer(how);
		break;
	case 2:
		if (front->port >= 0)
			backend_event();
		break;
	case 3:
		if (front->connected)
			memcpy((uint8_t *)front->ring.shared + how % 64 * 8, rest, n);
		return n;
	case 4:
		backend_online = how & 8;
		changed(&xb, (enum xenbus_state)(how & 7));
		break;
	case 5:
		backend_keeps = how & 1;
		if (!backend_keeps)
			backend_lets_go();
		backend_number = how & 2 ? how : how & 4 ? ~0UL : 0;
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
	backend_number = 64;
	asked = fake_done = fake_failed = 0;
	start();
	for (size_t at = 0; at + 2 <= size;) {
		at += 2 + step(data[at], data[at + 1], data + at + 2, size - at - 2);
		if (shim_allocations > ALLOCATIONS_MAX || fake_done > asked)
			abort();
		if (xb.gone)
			start();
	}
	/* With requests that no back end has ever taken the device is not freed: they end
	 * first. */
	if (!front->dev.dent && !list_empty(&front->queue))
		abort();
	removed(&xb);
	backend_lets_go();
	if (fake_done != asked || backend_has || shim_allocations)
		abort();
	return 0;
}
