/* SPDX-License-Identifier: MIT */
/*
 * A vchan's rings: bytes come through in order, and no index of the peer leads
 * outside.
 */
#include "unit.h"
#include <string.h>

#include "vchan_ring.h"
#include "vchan_stream.h"

enum { SIZE = 1024, GUARD = 64 };

/* Both ends of one direction, with guard bytes around the shared data. */
struct pair {
	uint32_t produced;
	uint32_t consumed;
	uint8_t memory[GUARD + SIZE + GUARD];
	struct vchan_ring writer;
	struct vchan_ring reader;
};

static void pair_init(struct pair *p, uint32_t start)
{
	memset(p, 0xa5, sizeof(*p));
	p->produced = start;
	p->consumed = start;
	p->writer = (struct vchan_ring){.ours = &p->produced,
					.theirs = &p->consumed,
					.data = p->memory + GUARD,
					.size = SIZE,
					.index = start};
	p->reader = (struct vchan_ring){.ours = &p->consumed,
					.theirs = &p->produced,
					.data = p->memory + GUARD,
					.size = SIZE,
					.index = start};
}

static void check_guards(const struct pair *p)
{
	for (size_t i = 0; i < GUARD; i++) {
		assert_int_equal(p->memory[i], 0xa5);
		assert_int_equal(p->memory[GUARD + SIZE + i], 0xa5);
	}
}

/* Odd-sized pieces, over the end of the ring and of the 32-bit indices. */
static void test_stream(void **state)
{
	static const uint32_t starts[] = {0, 1023, 0xfffffe00u, 0xffffffffu};
	uint8_t in[700];
	uint8_t out[700];
	uint8_t next = 0;
	uint8_t expect = 0;

	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		struct pair p;

		pair_init(&p, starts[s]);
		for (size_t round = 0; round < 50; round++) {
			size_t len = 1 + (round * 97) % sizeof(in);

			for (size_t i = 0; i < len; i++)
				in[i] = next++;
			assert_int_equal(vchan_ring_write(&p.writer, in, len),
					 (ssize_t)len);
			assert_int_equal(vchan_ring_readable(&p.reader), (ssize_t)len);
			assert_int_equal(vchan_ring_read(&p.reader, out, sizeof(out)),
					 (ssize_t)len);
			for (size_t i = 0; i < len; i++)
				assert_int_equal(out[i], expect++);
		}
		check_guards(&p);
	}
}

static void test_full_and_empty(void **state)
{
	struct pair p;
	uint8_t big[2 * SIZE];

	memset(big, 1, sizeof(big));
	pair_init(&p, 12345);
	assert_int_equal(vchan_ring_read(&p.reader, big, sizeof(big)), 0);
	assert_int_equal(vchan_ring_write(&p.writer, big, sizeof(big)), SIZE);
	assert_int_equal(vchan_ring_write(&p.writer, big, 1), 0);
	assert_int_equal(vchan_ring_writable(&p.writer), 0);
	assert_int_equal(vchan_ring_read(&p.reader, big, sizeof(big)), SIZE);
	assert_int_equal(vchan_ring_writable(&p.writer), SIZE);
	check_guards(&p);
}

/* A peer can publish any number: beyond the ring's size it is found out. */
static void test_hostile_indices(void **state)
{
	static const uint32_t lies[] = {SIZE + 1, 2 * SIZE, 0x7fffffff, 0x80000000u,
					0xffffffffu};
	uint8_t byte = 0;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct pair p;

		pair_init(&p, 100);
		p.produced = 100 + lies[i];
		assert_int_equal(vchan_ring_read(&p.reader, &byte, 1), -1);
		assert_int_equal(p.consumed, 100);
		pair_init(&p, 100);
		/* The reader claims to be ahead of the writer. */
		p.consumed = 100 - lies[i];
		assert_int_equal(vchan_ring_write(&p.writer, &byte, 1), -1);
		assert_int_equal(p.produced, 100);
		check_guards(&p);
	}
}

/* Our own index is never taken back from shared memory. */
static void test_own_index_overwritten(void **state)
{
	struct pair p;
	uint8_t byte = 7;

	pair_init(&p, 0);
	assert_int_equal(vchan_ring_write(&p.writer, &byte, 1), 1);
	p.produced = 0x12345678;
	assert_int_equal(vchan_ring_write(&p.writer, &byte, 1), 1);
	assert_int_equal(p.produced, 2);
	check_guards(&p);
}

static void test_orders(void **state)
{
	assert_true(vchan_orders_valid(10, 11));
	assert_true(vchan_orders_valid(11, 10));
	assert_true(vchan_orders_valid(12, 12));
	assert_true(vchan_orders_valid(20, 20));
	assert_true(vchan_orders_valid(10, 19));
	/* Two rings at the same place; sizes that libxenvchan does not have. */
	assert_false(vchan_orders_valid(10, 10));
	assert_false(vchan_orders_valid(11, 11));
	assert_false(vchan_orders_valid(0, 12));
	assert_false(vchan_orders_valid(9, 12));
	assert_false(vchan_orders_valid(12, 21));
	assert_false(vchan_orders_valid(65535, 65535));
	/* 256 grants do not fit in front of a ring at 1024. */
	assert_false(vchan_orders_valid(10, 20));
}

/* A stub domain cannot have dom0 map more than the channel's kind needs. */
static void test_orders_of_kind(void **state)
{
	const struct channel_rings qmp = channel_kind_rings(STUBDOM_CHANNEL_QMP);
	const struct channel_rings save = channel_kind_rings(STUBDOM_CHANNEL_SAVE);

	assert_true(vchan_orders_allowed(12, 14, &qmp));
	assert_true(vchan_orders_allowed(10, 11, &qmp));
	assert_false(vchan_orders_allowed(13, 14, &qmp));
	assert_false(vchan_orders_allowed(12, 15, &qmp));
	assert_false(vchan_orders_allowed(20, 20, &qmp));
	assert_false(vchan_orders_allowed(10, 10, &qmp));
	assert_true(vchan_orders_allowed(10, 19, &save));
	assert_true(vchan_orders_allowed(11, 20, &save));
	assert_false(vchan_orders_allowed(12, 20, &save));
	for (int kind = 0; kind <= STUBDOM_CHANNEL_RESTORE; kind++) {
		const struct channel_rings most =
			channel_kind_rings((enum stubdom_channel_kind)kind);

		assert_in_range(most.from_dom0, 1024, 1048576);
		assert_in_range(most.to_dom0, 1024, 1048576);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_full_and_empty),
		cmocka_unit_test(test_orders_of_kind),
		cmocka_unit_test(test_hostile_indices),
		cmocka_unit_test(test_own_index_overwritten),
		cmocka_unit_test(test_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
