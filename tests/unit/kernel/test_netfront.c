/* SPDX-License-Identifier: MIT */
/* The driver of network interfaces against back ends that lie, stall and flap. */
#include "unit.h"
#include <errno.h>

#include "backend.h"
#include "shim.h"

#include "../../../kernel/drivers/netfront.c"

static struct xenbus_device xb = {.other_dom = 3};
static struct netfront *front;
static unsigned received, received_bytes;

static void sink(struct netdev *dev, struct netbuf *nb)
{
	received++;
	received_bytes = nb->total;
	netbuf_free(nb);
}

static void connect(void)
{
	changed(&xb, XenbusStateInitWait);
	changed(&xb, XenbusStateConnected);
}

static int setup_front(void **state)
{
	memset(&xb, 0, sizeof(xb));
	xb.other_dom = 3;
	backend_online = true;
	assert_int_equal(probe(&xb), 0);
	front = xb.priv;
	front->dev.up = true;
	front->dev.rx = sink;
	connect();
	assert_true(front->connected);
	received = 0;
	return 0;
}

static int end_front(void **state)
{
	backend_lets_go();
	removed(&xb);
	assert_int_equal(backend_has, 0);
	return 0;
}

/* Answers the next buffer that is posted. */
static void answer(unsigned flags, int status)
{
	struct netif_rx_sring *s = front->rx.shared;
	struct netif_rx_response r = {.flags = (u16)flags, .status = (s16)status};

	assert_int_not_equal(s->rsp_prod, s->req_prod);
	memcpy(&s->ring[s->rsp_prod++ % NETRING_SLOTS].rsp, &r, sizeof(r));
}

static void answer_all(unsigned flags, int status)
{
	while (front->rx.shared->rsp_prod != front->rx.shared->req_prod)
		answer(flags, status);
	backend_event();
}

static void check_frame(unsigned bytes)
{
	received = 0;
	answer(0, (int)bytes);
	backend_event();
	assert_int_equal(received, 1);
	assert_int_equal(received_bytes, bytes);
}

static void frame_without_end(unsigned flags, int status)
{
	unsigned long before;

	/* The pages that the driver keeps for its next frames are there. */
	answer_all(flags, status);
	before = shim_allocations;
	for (unsigned i = 0; i < 500; i++)
		answer_all(flags, status);
	assert_true(shim_allocations <= before + 2 * NETRING_SLOTS);
	assert_true(front->connected);
	received = 0;
	answer(0, 100);
	backend_event();
	assert_int_equal(received, 0); /* its last piece */
	check_frame(100);
}

static void test_frame_without_end(void **state)
{
	frame_without_end(NETRXF_more_data, 1);
	frame_without_end(NETRXF_more_data, 4096);
}

static void test_empty_pieces_without_end(void **state)
{
	unsigned long before = shim_allocations;

	for (unsigned i = 0; i < 500; i++)
		answer_all(NETRXF_more_data, 0);
	for (unsigned i = 0; i < 500; i++)
		answer_all(NETRXF_more_data, -1);
	assert_true(shim_allocations <= before + 3 * NETRING_SLOTS);
	answer(0, 100);
	backend_event();
	check_frame(100);
}

static unsigned posted(void)
{
	return front->rx.shared->req_prod - front->rx.shared->rsp_prod;
}

/* A back end that uses up all pages gets more, up to the ring's size; another does not. */
static void test_bursts(void **state)
{
	assert_int_equal(posted(), RX_BUFFERS);
	for (unsigned i = 0; i < 500; i++)
		check_frame(100);
	assert_int_equal(posted(), RX_BUFFERS);
	for (unsigned most = RX_BUFFERS; most < NETRING_SLOTS;) {
		answer_all(0, 100);
		most *= 2;
		assert_int_equal(posted(), most);
	}
	answer_all(0, 100);
	assert_int_equal(posted(), NETRING_SLOTS);
	/* The back end notifies of its next answer, also after a full ring. */
	assert_int_equal(front->rx.shared->rsp_event, front->rx.shared->rsp_prod + 1);
	/* Another connection begins anew. */
	changed(&xb, XenbusStateClosed);
	connect();
	assert_int_equal(posted(), RX_BUFFERS);
}

/* Without memory all is used up as well. */
static void test_no_memory(void **state)
{
	shim_fail_after = 0;
	for (unsigned i = 0; i < RX_BUFFERS / 2; i++)
		answer(0, 100);
	backend_event();
	answer_all(0, 100);
	assert_int_equal(posted(), 0);
	shim_fail_after = -1;
	backend_event();
	assert_int_equal(posted(), RX_BUFFERS);
	check_frame(100);
}

/* As many pieces as a back end may send. */
static void test_pieces(void **state)
{
	for (unsigned i = 1; i < RX_PIECES_MAX; i++)
		answer(NETRXF_more_data, 10);
	answer(0, 10);
	backend_event();
	assert_int_equal(received, 1);
	assert_int_equal(received_bytes, RX_PIECES_MAX * 10);
	for (unsigned i = 0; i < RX_PIECES_MAX; i++)
		answer(NETRXF_more_data, 10);
	answer(0, 10);
	backend_event();
	assert_int_equal(received, 1);
	check_frame(60);
}

/* It answers each buffer and keeps its page. */
static void test_answered_and_kept(void **state)
{
	backend_keeps = true;
	for (unsigned i = 0; front->connected && i < 500; i++)
		answer_all(0, 100);
	assert_int_equal(received, 0);
	assert_false(front->connected);
	assert_true(backend_kept <= GRANT_HELD_MAX + NETRING_SLOTS);
}

static void flap(void)
{
	changed(&xb, XenbusStateClosing);
	changed(&xb, XenbusStateClosed);
	connect();
}

static void test_flaps_and_keeps(void **state)
{
	unsigned most;

	backend_keeps = true;
	for (unsigned i = 0; i < 100; i++)
		flap();
	assert_false(front->connected);
	most = backend_has;
	assert_true(most <= GRANT_HELD_MAX + 2 * NETRING_SLOTS + 2);
	for (unsigned i = 0; i < 100; i++)
		flap();
	assert_int_equal(backend_has, most);
	/* It can be used again when it has let go. */
	backend_lets_go();
	flap();
	assert_true(front->connected);
	check_frame(100);
}

static void test_flaps(void **state)
{
	unsigned long before;

	flap();
	before = shim_allocations;
	for (unsigned i = 0; i < 100; i++)
		flap();
	assert_int_equal(shim_allocations, before);
	check_frame(100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_frame_without_end, setup_front,
						end_front),
		cmocka_unit_test_setup_teardown(test_empty_pieces_without_end,
						setup_front, end_front),
		cmocka_unit_test_setup_teardown(test_pieces, setup_front, end_front),
		cmocka_unit_test_setup_teardown(test_bursts, setup_front, end_front),
		cmocka_unit_test_setup_teardown(test_no_memory, setup_front, end_front),
		cmocka_unit_test_setup_teardown(test_answered_and_kept, setup_front,
						end_front),
		cmocka_unit_test_setup_teardown(test_flaps_and_keeps, setup_front,
						end_front),
		cmocka_unit_test_setup_teardown(test_flaps, setup_front, end_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
