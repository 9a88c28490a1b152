/* SPDX-License-Identifier: MIT */
/* Disk and network rings against back ends that lie. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../kernel/drivers/blkring.h"
#include "../../../kernel/drivers/netring.h"

static _Alignas(4096) unsigned char blk_page[4096], tx_page[4096], rx_page[4096];
static struct blkring blk;
static struct nettx_ring tx;
static struct netrx_ring rx;

static int setup(void **state)
{
	memset(blk_page, 0xff, sizeof(blk_page));
	blkring_init(&blk, blk_page);
	nettx_init(&tx, tx_page);
	netrx_init(&rx, rx_page);
	return 0;
}

/* --- disks --- */

static const grant_ref_t refs[BLKRING_INDIRECT_SEGS] = {11, 12, 13, 14};

static unsigned blk_read(uint64_t sector, uint32_t bytes)
{
	int slot = blkring_free_slot(&blk);
	struct blkring_io io = {
		.op = BLKIF_OP_READ, .sector = sector, .bytes = bytes, .grefs = refs};

	assert_true(slot >= 0);
	blkring_put_io(&blk, (unsigned)slot, &io);
	return (unsigned)slot;
}

static void blk_answer(uint64_t id, int16_t status)
{
	struct blkif_response r = {.id = id, .status = status};

	memcpy(&blk.shared->ring[blk.shared->rsp_prod % BLKRING_SLOTS], &r, sizeof(r));
	blk.shared->rsp_prod++;
}

static void test_blk_request(void **state)
{
	const struct blkif_request *r = &blk.shared->ring[0].req;
	unsigned slot = blk_read(8, 4096 + 512);

	assert_int_equal(blk.shared->req_prod, 0); /* not yet shown */
	assert_true(blkring_publish(&blk));
	assert_int_equal(blk.shared->req_prod, 1);
	assert_int_equal(r->operation, BLKIF_OP_READ);
	assert_int_equal(r->nr_segments, 2);
	assert_int_equal(r->sector_number, 8);
	assert_int_equal(r->id, slot);
	assert_int_equal(r->seg[0].gref, 11);
	assert_int_equal(r->seg[0].first_sect, 0);
	assert_int_equal(r->seg[0].last_sect, 7);
	assert_int_equal(r->seg[1].gref, 12);
	assert_int_equal(r->seg[1].last_sect, 0);
	/* nobody asked for a notification about the second */
	blk_read(16, 512);
	assert_false(blkring_publish(&blk));
}

static void test_blk_indirect(void **state)
{
	static struct blkif_request_segment segs[512];
	const struct blkif_request_indirect *r = (void *)&blk.shared->ring[0].req;
	struct blkring_io io = {.op = BLKIF_OP_WRITE,
				.handle = 51712,
				.sector = 1,
				.bytes = 20 * 4096 + 1024,
				.grefs = refs,
				.indirect = segs,
				.indirect_gref = 77};

	blkring_put_io(&blk, 3, &io);
	assert_int_equal(r->operation, BLKIF_OP_INDIRECT);
	assert_int_equal(r->indirect_op, BLKIF_OP_WRITE);
	assert_int_equal(r->nr_segments, 21);
	assert_int_equal(r->id, 3);
	assert_int_equal(r->handle, 51712);
	assert_int_equal(r->indirect_grefs[0], 77);
	assert_int_equal(segs[3].gref, 14);
	assert_int_equal(segs[20].last_sect, 1);
	assert_int_equal(segs[21].gref, 0);
}

static void test_blk_discard_flush(void **state)
{
	const struct blkif_request_discard *d = (void *)&blk.shared->ring[0].req;
	const struct blkif_request *f = &blk.shared->ring[1].req;
	struct blkring_io io = {.op = BLKIF_OP_FLUSH_DISKCACHE};

	blkring_put_discard(&blk, 0, 1, 64, 128);
	blkring_put_io(&blk, 1, &io);
	assert_int_equal(d->operation, BLKIF_OP_DISCARD);
	assert_int_equal(d->sector_number, 64);
	assert_int_equal(d->nr_sectors, 128);
	assert_int_equal(f->operation, BLKIF_OP_FLUSH_DISKCACHE);
	assert_int_equal(f->nr_segments, 0);
}

static void test_blk_full(void **state)
{
	unsigned slot;
	int status;

	for (unsigned i = 0; i < BLKRING_SLOTS; i++)
		blk_read(i, 512);
	assert_int_equal(blkring_free_slot(&blk), -1);
	blkring_publish(&blk);
	blk_answer(5, BLKIF_RSP_ERROR);
	assert_int_equal(blkring_next(&blk, &slot, &status), 1);
	assert_int_equal(slot, 5);
	assert_int_equal(status, BLKIF_RSP_ERROR);
	assert_int_equal(blkring_free_slot(&blk), 5);
	assert_int_equal(blkring_next(&blk, &slot, &status), 0);
	assert_int_equal(blk.shared->rsp_event, 2);
}

static void test_blk_lies(void **state)
{
	static const uint64_t ids[] = {1, BLKRING_SLOTS, 1ULL << 32, ~0ULL};
	unsigned slot;
	int status;

	for (unsigned i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		setup(state);
		assert_int_equal(blk_read(0, 512), 0);
		blkring_publish(&blk);
		blk_answer(ids[i], 0);
		assert_int_equal(blkring_next(&blk, &slot, &status), -EPROTO);
	}
	/* the same request twice */
	setup(state);
	blk_read(0, 512);
	blk_read(0, 512);
	blkring_publish(&blk);
	blk_answer(0, 0);
	blk_answer(0, 0);
	assert_int_equal(blkring_next(&blk, &slot, &status), 1);
	assert_int_equal(blkring_next(&blk, &slot, &status), -EPROTO);
	/* more answers than questions, also by wrapping round */
	setup(state);
	blk_read(0, 512);
	blkring_publish(&blk);
	blk.shared->rsp_prod = 2;
	assert_int_equal(blkring_next(&blk, &slot, &status), -EPROTO);
	blk.shared->rsp_prod = (RING_IDX)-1;
	assert_int_equal(blkring_next(&blk, &slot, &status), -EPROTO);
	/* our own producer index rewritten: the next request still lands in its place */
	setup(state);
	blk.shared->req_prod = 1000;
	blk_read(0, 512);
	blkring_publish(&blk);
	assert_int_equal(blk.shared->req_prod, 1);
}

static void test_blk_wrap(void **state)
{
	unsigned slot;
	int status;

	blk.prod = blk.cons = blk.published = (uint32_t)-3;
	blk.shared->rsp_prod = blk.shared->req_prod = (RING_IDX)-3;
	blk.shared->rsp_event = (RING_IDX)-2;
	for (unsigned i = 0; i < 100; i++) {
		unsigned s = blk_read(i, 512);

		blkring_publish(&blk);
		blk_answer(s, 0);
		assert_int_equal(blkring_next(&blk, &slot, &status), 1);
		assert_int_equal(slot, s);
		assert_int_equal(blkring_next(&blk, &slot, &status), 0);
	}
}

/* --- network, sending --- */

static void tx_answer(uint16_t id, int16_t status)
{
	struct netif_tx_response r = {id, status};

	memcpy(&tx.shared->ring[tx.shared->rsp_prod % NETRING_SLOTS].rsp, &r, sizeof(r));
	tx.shared->rsp_prod++;
}

static void test_tx(void **state)
{
	struct netif_extra_info extra;
	unsigned id;
	int status, a, b;

	a = nettx_put(&tx, 21, 100, 6000, NETTXF_more_data | NETTXF_extra_info);
	nettx_put_gso(&tx, 1448, false);
	b = nettx_put(&tx, 22, 0, 2000, 0);
	assert_int_not_equal(a, b);
	assert_true(nettx_publish(&tx));
	assert_int_equal(tx.shared->req_prod, 3);
	assert_int_equal(tx.shared->ring[0].req.size, 6000);
	assert_int_equal(tx.shared->ring[2].req.gref, 22);
	memcpy(&extra, &tx.shared->ring[1], sizeof(extra));
	assert_int_equal(extra.u.gso.size, 1448);
	tx_answer((uint16_t)a, NETIF_RSP_OKAY);
	tx_answer(0, NETIF_RSP_NULL);
	tx_answer((uint16_t)b, NETIF_RSP_ERROR);
	assert_int_equal(nettx_next(&tx, &id, &status), 1);
	assert_int_equal(id, a);
	assert_int_equal(nettx_next(&tx, &id, &status), 1);
	assert_int_equal(id, b);
	assert_int_equal(nettx_next(&tx, &id, &status), 0);
	assert_int_equal(nettx_room(&tx), NETRING_SLOTS);
}

static void test_tx_full(void **state)
{
	for (unsigned i = 0; i < NETRING_SLOTS; i++)
		assert_int_equal(nettx_put(&tx, 1, 0, 60, 0), i);
	assert_int_equal(nettx_put(&tx, 1, 0, 60, 0), -1);
	assert_int_equal(nettx_room(&tx), 0);
}

static void test_tx_lies(void **state)
{
	unsigned id;
	int status;

	nettx_put(&tx, 1, 0, 60, 0);
	nettx_publish(&tx);
	tx_answer(1, 0);
	assert_int_equal(nettx_next(&tx, &id, &status), -EPROTO);
	setup(state);
	nettx_put(&tx, 1, 0, 60, 0);
	tx_answer(NETRING_SLOTS, 0);
	assert_int_equal(nettx_next(&tx, &id, &status), -EPROTO);
	setup(state);
	nettx_put(&tx, 1, 0, 60, 0);
	tx.shared->rsp_prod = 5;
	assert_int_equal(nettx_next(&tx, &id, &status), -EPROTO);
	/* nothing but answers without an id: used up, never more than were asked */
	setup(state);
	for (int i = 0; i < 10; i++)
		nettx_put(&tx, 1, 0, 60, 0);
	for (int i = 0; i < 10; i++)
		tx_answer(0, NETIF_RSP_NULL);
	assert_int_equal(nettx_next(&tx, &id, &status), 0);
}

/* --- network, receiving --- */

static void rx_answer(uint16_t id, uint16_t off, uint16_t flags, int16_t status)
{
	struct netif_rx_response r = {id, off, flags, status};

	memcpy(&rx.shared->ring[rx.shared->rsp_prod % NETRING_SLOTS].rsp, &r, sizeof(r));
	rx.shared->rsp_prod++;
}

static void rx_post(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		netrx_put(&rx, 100 + i);
	netrx_publish(&rx);
}

static void test_rx(void **state)
{
	struct netrx_frag f;
	bool in_extra = false;

	rx_post(4);
	assert_int_equal(rx.shared->ring[2].req.gref, 102);
	rx_answer(0, 0, NETRXF_more_data | NETRXF_csum_blank, 4096);
	rx_answer(1, 64, 0, 500);
	assert_int_equal(netrx_next(&rx, &f, &in_extra), 1);
	assert_true(f.more && f.csum_blank && !f.bad);
	assert_int_equal(f.len, 4096);
	assert_int_equal(netrx_next(&rx, &f, &in_extra), 1);
	assert_false(f.more);
	assert_int_equal(f.slot, 1);
	assert_int_equal(f.off, 64);
	assert_int_equal(netrx_next(&rx, &f, &in_extra), 0);
	assert_int_equal(rx.shared->rsp_event, 3);
}

static void test_rx_extra(void **state)
{
	struct netif_extra_info e = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
	struct netrx_frag f;
	bool in_extra = false;

	rx_post(4);
	rx_answer(0, 0, NETRXF_extra_info, 60);
	memcpy(&rx.shared->ring[1], &e, sizeof(e));
	rx.shared->rsp_prod++;
	rx_answer(2, 0, 0, 61);
	assert_int_equal(netrx_next(&rx, &f, &in_extra), 1);
	assert_false(f.extra);
	assert_int_equal(netrx_next(&rx, &f, &in_extra), 1);
	assert_true(f.extra);
	assert_int_equal(netrx_next(&rx, &f, &in_extra), 1);
	assert_false(f.extra);
	assert_int_equal(f.len, 61);
}

static void test_rx_lies(void **state)
{
	static const struct {
		uint16_t off;
		int16_t status;
	} bad[] = {{0, 4097},  {1, 4096}, {4096, 1},  {4097, 0},
		   {65535, 1}, {0, -1},	  {0, -32768}};
	bool in_extra = false;
	struct netrx_frag f;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setup(state);
		rx_post(1);
		/* a wrong id does not matter: the place in the ring says which it is */
		rx_answer(999, bad[i].off, 0, bad[i].status);
		assert_int_equal(netrx_next(&rx, &f, &in_extra), 1);
		assert_true(f.bad);
		assert_int_equal(f.slot, 0);
		assert_int_equal(f.len, 0);
	}
	setup(state);
	rx_post(1);
	rx.shared->rsp_prod = 2;
	assert_int_equal(netrx_next(&rx, &f, &in_extra), -EPROTO);
}

/* Random shared pages: every index that comes out is in range, and calls end. */
static void test_noise(void **state)
{
	srand(2);
	for (int round = 0; round < 3000; round++) {
		struct netrx_frag f;
		bool in_extra = false;
		unsigned slot;
		int status, got, n;

		setup(state);
		for (int i = 0; i < 20; i++) {
			blk_read(0, 512);
			nettx_put(&tx, 1, 0, 60, 0);
		}
		rx_post(20);
		for (unsigned i = 0; i < 4096; i++) {
			blk_page[i] = (unsigned char)(rand() % 3 ? 0 : rand());
			tx_page[i] = (unsigned char)(rand() % 3 ? 0 : rand());
			rx_page[i] = (unsigned char)rand();
		}
		blk.shared->rsp_prod = tx.shared->rsp_prod = rx.shared->rsp_prod =
			(RING_IDX)(rand() % 24);
		for (n = 0; (got = blkring_next(&blk, &slot, &status)) > 0; n++)
			assert_true(slot < BLKRING_SLOTS);
		assert_true(n <= 20);
		for (n = 0; (got = nettx_next(&tx, &slot, &status)) > 0; n++)
			assert_true(slot < NETRING_SLOTS);
		assert_true(n <= 20);
		for (n = 0; (got = netrx_next(&rx, &f, &in_extra)) > 0; n++)
			assert_true(f.slot < 20 && f.off + f.len <= 4096);
		assert_true(n <= 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_blk_request, setup),
		cmocka_unit_test_setup(test_blk_indirect, setup),
		cmocka_unit_test_setup(test_blk_discard_flush, setup),
		cmocka_unit_test_setup(test_blk_full, setup),
		cmocka_unit_test_setup(test_blk_lies, setup),
		cmocka_unit_test_setup(test_blk_wrap, setup),
		cmocka_unit_test_setup(test_tx, setup),
		cmocka_unit_test_setup(test_tx_full, setup),
		cmocka_unit_test_setup(test_tx_lies, setup),
		cmocka_unit_test_setup(test_rx, setup),
		cmocka_unit_test_setup(test_rx_extra, setup),
		cmocka_unit_test_setup(test_rx_lies, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
