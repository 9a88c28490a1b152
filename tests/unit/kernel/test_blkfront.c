/* SPDX-License-Identifier: MIT */
/* The driver of disks against back ends that lie, stall and flap. */
#include "unit.h"
#include <errno.h>

#include "backend.h"
#include "fake_blkdev.h"
#include "shim.h"

#include "../../../kernel/drivers/blkfront.c"

static struct xenbus_device xb;
static struct blkfront *front;
static void connect_front(void)
{
	changed(&xb, XenbusStateInitWait);
	changed(&xb, XenbusStateConnected);
}

static void flap(void)
{
	changed(&xb, XenbusStateClosing);
	changed(&xb, XenbusStateClosed);
	connect_front();
}

static int start(unsigned long number)
{
	memset(&xb, 0, sizeof(xb));
	xb.other_dom = 3;
	xb.id = 51712;
	backend_online = true;
	backend_number = number;
	fake_done = fake_failed = 0;
	assert_int_equal(probe(&xb), 0);
	front = xb.priv;
	connect_front();
	assert_true(front->connected);
	return 0;
}

static int setup_persistent(void **state)
{
	return start(64); /* every number, `feature-persistent` is one of them */
}

static int setup_plain(void **state)
{
	return start(0);
}

static int end_front(void **state)
{
	removed(&xb);
	backend_lets_go();
	assert_int_equal(backend_has, 0);
	return 0;
}

static bool ask(enum blk_op op)
{
	struct blk_io *io = front->dev.ops->get(&front->dev, 4096);

	if (!io)
		return false;
	io->op = op;
	io->bytes = 4096;
	front->dev.ops->start(io);
	return true;
}

static void answer_all(int status)
{
	struct blkif_sring *s = front->ring.shared;

	while (s->rsp_prod != s->req_prod) {
		union blkif_sring_entry *e = &s->ring[s->rsp_prod % BLKRING_SLOTS];
		struct blkif_response r = {.id = e->req.id, .status = (s16)status};

		memcpy(e, &r, sizeof(r));
		s->rsp_prod++;
	}
	backend_event();
}

static void check_works(void)
{
	fake_done = fake_failed = 0;
	assert_true(ask(BLK_READ));
	answer_all(BLKIF_RSP_OKAY);
	assert_int_equal(fake_done, 1);
	assert_int_equal(fake_failed, 0);
}

static void test_works(void **state)
{
	for (unsigned i = 0; i < 1000; i++)
		check_works();
}

/* It answers, and keeps the page of each request. */
static void test_answered_and_kept(void **state)
{
	backend_keeps = true;
	for (unsigned i = 0; front->connected && i < 5000; i++)
		if (ask(BLK_READ))
			answer_all(BLKIF_RSP_OKAY);
	assert_false(front->connected);
	assert_true(front->dev.gone);
	assert_true(backend_has <= GRANT_HELD_MAX + BLKQUEUE_PAGES + 1);
	fake_done = fake_failed = 0;
	assert_true(ask(BLK_READ)); /* ends at once */
	assert_int_equal(fake_failed, 1);
}

/* It comes and goes, and keeps its pages: the pool's each time. */
static void test_flaps_and_keeps(void **state)
{
	unsigned most;

	backend_keeps = true;
	for (unsigned i = 0; i < 2 * GRANT_HELD_MAX; i++) {
		if (front->connected && ask(BLK_READ))
			answer_all(BLKIF_RSP_OKAY);
		flap();
	}
	assert_false(front->connected);
	most = backend_has;
	assert_true(most <= GRANT_HELD_MAX + BLKQUEUE_PAGES + 1);
	for (unsigned i = 0; i < 100; i++)
		flap();
	assert_int_equal(backend_has, most);
	backend_lets_go();
	flap();
	/* A back end that kept an answered page is not trusted again. */
	assert_int_equal(front->connected, backend_number != 0);
	if (front->connected)
		check_works();
}

static void test_flaps(void **state)
{
	unsigned long before;

	check_works();
	flap();
	before = shim_allocations;
	for (unsigned i = 0; i < 100; i++)
		flap();
	assert_int_equal(shim_allocations, before);
	check_works();
}

/* It breaks the protocol with requests in flight: they end, and no page that it still has
 * is used again. */
static void test_lies(void **state)
{
	assert_true(ask(BLK_READ));
	assert_true(ask(BLK_WRITE));
	backend_keeps = true;
	front->ring.shared->rsp_prod = front->ring.shared->req_prod + 1;
	backend_event();
	assert_int_equal(fake_done, 2);
	assert_int_equal(fake_failed, 2);
	assert_true(front->dev.gone);
	flap();
	assert_false(front->connected);
}

/* It closes with a request on its way: nobody may poll for an answer to another, since only
 * a sleep lets the closing go on. */
static void test_closes_busy(void **state)
{
	assert_true(ask(BLK_READ));
	changed(&xb, XenbusStateClosing);
	assert_true(front->draining);
	assert_true(ask(BLK_READ));
	assert_false(front->dev.ops->wait(&front->dev, 0));
	answer_all(BLKIF_RSP_OKAY);
	assert_int_equal(fake_done, 1);
	flap();
	assert_true(front->dev.ops->wait(&front->dev, 0));
	answer_all(BLKIF_RSP_OKAY);
	assert_int_equal(fake_done, 2);
	check_works();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_works, setup_plain, end_front),
		cmocka_unit_test_setup_teardown(test_works, setup_persistent, end_front),
		cmocka_unit_test_setup_teardown(test_answered_and_kept, setup_plain,
						end_front),
		cmocka_unit_test_setup_teardown(test_flaps_and_keeps, setup_plain,
						end_front),
		cmocka_unit_test_setup_teardown(test_flaps_and_keeps, setup_persistent,
						end_front),
		cmocka_unit_test_setup_teardown(test_flaps, setup_persistent, end_front),
		cmocka_unit_test_setup_teardown(test_closes_busy, setup_plain, end_front),
		cmocka_unit_test_setup_teardown(test_lies, setup_plain, end_front),
		cmocka_unit_test_setup_teardown(test_lies, setup_persistent, end_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
