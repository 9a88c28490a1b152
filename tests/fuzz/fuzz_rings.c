/* SPDX-License-Identifier: MIT */
/* Fuzz: nub's disk and network rings with a back end that writes anything anywhere into
 * the shared pages. The input is a list of steps: the front end asks, the back end
 * writes, the front end takes answers. Never may an answer be taken that was not asked
 * for. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/drivers/blkring.h"
#include "../../kernel/drivers/netring.h"
#include "fuzz.h"

enum { PAGE = 4096, ANSWERS_MAX = 1000, MODES = 3 };

static _Alignas(4096) uint8_t pages[MODES][PAGE];
static struct blkring blk;
static struct nettx_ring tx;
static struct netrx_ring rx;
static bool asked[MODES][NETRING_SLOTS];
static bool dead[MODES];

static void ask(unsigned ring, uint8_t how)
{
	static const grant_ref_t refs[BLKRING_INDIRECT_SEGS] = {7, 8, 9};
	static struct blkif_request_segment segs[PAGE / 8];
	struct blkring_io io = {.op = how & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE,
				.sector = how,
				.bytes = 512u * (1 + how % 24),
				.grefs = refs,
				.indirect_gref = 99};
	int slot;

	switch (ring) {
	case 0:
		slot = blkring_free_slot(&blk);
		if (slot < 0)
			return;
		if (how & 2 && how & 4) {
			blkring_put_discard(&blk, (unsigned)slot, 1, how, 8);
		} else {
			io.indirect = how & 8 ? segs : NULL;
			blkring_put_io(&blk, (unsigned)slot, &io);
		}
		blkring_publish(&blk);
		break;
	case 1:
		if (nettx_room(&tx) < 2)
			return;
		slot = nettx_put(&tx, 5, 0, 1 + how, how & 1 ? NETTXF_extra_info : 0);
		if (slot >= 0 && how & 1)
			nettx_put_gso(&tx, 1400, how & 2);
		nettx_publish(&tx);
		break;
	default:
		if (!netrx_room(&rx))
			return;
		slot = (int)netrx_next_slot(&rx);
		netrx_put(&rx, 6);
		netrx_publish(&rx);
		break;
	}
	if (slot < 0)
		return;
	if (asked[ring][slot])
		abort(); /* it was with the back end still */
	asked[ring][slot] = true;
}

static int answer(unsigned ring, unsigned *slot, bool *in_extra)
{
	struct netrx_frag frag = {0};
	int status, n;

	if (ring == 0)
		return blkring_next(&blk, slot, &status);
	if (ring == 1)
		return nettx_next(&tx, slot, &status);
	n = netrx_next(&rx, &frag, in_extra);
	*slot = frag.slot;
	if (n == 1 && !frag.bad && !frag.extra && frag.off + frag.len > PAGE)
		abort();
	return n;
}

static void take(unsigned ring)
{
	bool in_extra = false;
	unsigned slot = 0, count = 0;
	int n;

	while ((n = answer(ring, &slot, &in_extra)) == 1) {
		if (slot >= NETRING_SLOTS || !asked[ring][slot] || ++count > ANSWERS_MAX)
			abort();
		asked[ring][slot] = false;
	}
	if (n < 0 && n != -EPROTO)
		abort();
	dead[ring] = n < 0; /* the driver gives such a device up */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(pages, 0, sizeof(pages));
	memset(asked, 0, sizeof(asked));
	memset(dead, 0, sizeof(dead));
	blkring_init(&blk, pages[0]);
	nettx_init(&tx, pages[1]);
	netrx_init(&rx, pages[2]);
	for (size_t at = 0; at + 2 <= size;) {
		unsigned ring = data[at] % MODES, step = data[at] / MODES % 4;
		uint8_t arg = data[at + 1];
		size_t n = arg % 32, to;

		at += 2;
		if (dead[ring])
			continue;
		if (step == 0) {
			ask(ring, arg);
		} else if (step == 1) {
			take(ring);
		} else if (at + 2 + n <= size) {
			/* Often near the start, where the indices are. */
			to = data[at] | (size_t)data[at + 1] << 8;
			to = step == 2 ? to % 96 : to % PAGE;
			if (to + n > PAGE)
				n = PAGE - to;
			memcpy(pages[ring] + to, data + at + 2, n);
			at += 2 + n;
		}
	}
	for (unsigned ring = 0; ring < MODES; ring++)
		if (!dead[ring])
			take(ring);
	return 0;
}
