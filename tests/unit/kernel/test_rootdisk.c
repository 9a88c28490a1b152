/* SPDX-License-Identifier: MIT */
/* The root's disk, read without sleeping, against back ends that stall, fail and go. */
#include "unit.h"
#include <errno.h>

#include "shim.h"

#include "../../../kernel/drivers/rootdisk.c"

enum { PAGES_MAX_ = 16 };

static ondisk_read *read_pages;
static struct blkdev dev;
static bool there, connected, answers;
static int result;
static u64 latency; /* of each answer */
static u64 started_at;
static unsigned asked, given_back, released;
static u64 sectors_asked[64];
static u8 memory[PAGES_MAX_][4096];

void ondisk_init(ondisk_read *read)
{
	read_pages = read;
}

struct blkdev *blkdev_find(const char *name)
{
	return there && !strcmp(name, STUBDOM_ROOT_DISK) ? &dev : NULL;
}

static struct blk_io *get(struct blkdev *d, u32 bytes)
{
	struct blk_io *io = kzalloc(sizeof(*io));

	if (!io)
		return NULL;
	io->dev = d;
	io->npages = bytes / 4096;
	assert_in_range(io->npages, 1, PAGES_MAX_);
	for (unsigned i = 0; i < io->npages; i++)
		io->pages[i] = memory[i];
	return io;
}

static struct blk_io *with_backend;

static void answer(void)
{
	struct blk_io *io = with_backend;

	if (!io)
		return;
	with_backend = NULL;
	for (unsigned i = 0; i < io->npages; i++)
		memset(io->pages[i], (int)(io->sector / 8 + i), 4096);
	io->error = result;
	io->done = true;
}

static void start(struct blk_io *io)
{
	assert_int_equal(io->op, BLK_READ);
	assert_int_equal(io->bytes, io->npages * 4096);
	sectors_asked[asked++ % 64] = io->sector;
	started_at = shim_now;
	with_backend = io;
}

static void put(struct blk_io *io)
{
	given_back++;
	kfree(io);
}

static bool wait_for(struct blkdev *d, u64 when)
{
	if (!connected)
		return false;
	if (!answers || started_at + latency > when) {
		shim_now = when;
		return true;
	}
	shim_now = MAX(shim_now, started_at + latency);
	answer();
	return true;
}

static void release(struct blkdev *d)
{
	released++;
}

static const struct blkdev_ops ops = {
	.get = get, .start = start, .put = put, .wait = wait_for, .release = release};

static int setup(void **state)
{
	dev = (struct blkdev){.ops = &ops, .max_bytes = 16 * 4096, .refs = 1};
	there = connected = answers = true;
	result = 0;
	latency = 0;
	asked = given_back = released = 0;
	rootdisk_init();
	return 0;
}

/* The device goes for good, and so does all that the reader has of it. */
static int teardown(void **state)
{
	u8 page[4096], *to[] = {page};

	answer();
	dev.gone = true;
	there = false;
	dev.refs--;
	assert_int_equal(read_pages(0, 1, to), -EIO);
	assert_int_equal(asked, given_back);
	assert_int_equal(dev.refs, 0);
	assert_int_equal(shim_allocations, 0);
	return 0;
}

static void check_read(u64 first, unsigned n)
{
	static u8 mem[PAGES_MAX_][4096];
	u8 *to[PAGES_MAX_];

	for (unsigned i = 0; i < n; i++) {
		to[i] = mem[i];
		memset(to[i], 0xee, 4096);
	}
	assert_int_equal(read_pages(first, n, to), 0);
	for (unsigned i = 0; i < n; i++)
		for (unsigned at = 0; at < 4096; at += 4095)
			assert_int_equal(to[i][at], (u8)(first + i));
}

static void test_reads(void **state)
{
	check_read(5, 1);
	assert_int_equal(sectors_asked[0], 40);
	check_read(100, 16);
	assert_int_equal(asked, 2);
	dev.max_bytes = 11 * 4096; /* a back end without indirect requests */
	check_read(100, 16);
	assert_int_equal(asked, 4);
	assert_int_equal(sectors_asked[3], 111 * 8);
}

static void test_fails(void **state)
{
	u8 page[4096], *to[] = {page};

	result = -EIO;
	assert_int_equal(read_pages(1, 1, to), -EIO);
	result = 0;
	check_read(1, 1);
	shim_fail_after = 0;
	assert_int_equal(read_pages(1, 1, to), -ENOMEM);
	shim_fail_after = -1;
}

/* It gives up for now, so that others can run, and asks no second time meanwhile. */
static void test_stalls(void **state)
{
	u8 page[4096], *to[] = {page};

	answers = false;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(read_pages(7, 1, to), -EAGAIN);
	assert_int_equal(asked, 1);
	answers = true;
	check_read(9, 1); /* an answer to the old question is not taken for this one's */
	assert_int_equal(asked, 2);
	check_read(7, 1);
}

/* Each answer takes longer than others are kept waiting at first: every page comes. */
static void test_slow(void **state)
{
	u8 page[4096], *to[] = {page};

	for (latency = NS_PER_SEC / 4; latency <= 4 * NS_PER_SEC; latency *= 2) {
		unsigned tries = 0;

		while (read_pages(7, 1, to)) {
			assert_true(++tries < 10);
			shim_now += NS_PER_SEC / 100; /* as a program's fault sleeps */
		}
	}
	latency = 0;
	check_read(7, 1);
	answers = false;
	started_at = shim_now;
	assert_int_equal(read_pages(8, 1, to), -EAGAIN);
	assert_true(shim_now - started_at < NS_PER_SEC / 2); /* back at the first */
}

static void test_no_back_end(void **state)
{
	u8 page[4096], *to[] = {page};

	connected = false;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(read_pages(7, 1, to), -ENOTCONN);
	assert_int_equal(asked, 1);
	connected = true;
	check_read(7, 1);
}

/* It goes with a question open, and another one comes under its name. */
static void test_goes_and_comes(void **state)
{
	u8 page[4096], *to[] = {page};

	answers = false;
	assert_int_equal(read_pages(7, 1, to), -EAGAIN);
	result = -EIO; /* as the driver ends what waits */
	answer();
	dev.gone = true;
	there = false;
	dev.refs--;
	assert_int_equal(read_pages(7, 1, to), -EIO);
	assert_int_equal(released, 1);
	dev = (struct blkdev){.ops = &ops, .max_bytes = 16 * 4096, .refs = 1};
	there = answers = true;
	result = 0;
	check_read(7, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stalls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_back_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goes_and_comes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
