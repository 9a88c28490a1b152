/* SPDX-License-Identifier: MIT */
/* Files on the root's disk: which pages are read, together and ahead. */
#include "unit.h"
#include <errno.h>

#include "shim.h"
#include <nub/cmdline.h>

#include "../../../kernel/fs/ondisk.c"

struct page_stats page_stats;
struct list file_renewables = LIST_INIT(file_renewables);

enum { ASKED_MAX = 64, END = 77 /* bytes of the last page */ };

static struct {
	u64 first;
	unsigned n;
} asked[ASKED_MAX];
static unsigned n_asked;
static int result; /* of reads from number `fail_at` on */
static unsigned fail_at;
static u64 bad_place = ~0UL; /* the disk cannot read this page */

static struct ondisk_extent a_extents[] = {
	{2, 0 | ONDISK_AHEAD}, {40, 100}, {70, 2 | ONDISK_AHEAD}, {1, 140}};
static struct ondisk_extent b_extents[] = {{3, 72 | ONDISK_AHEAD}, {5, 141}};
static struct inode a, b;

/* Each page has its place's number in its bytes. */
static int read_from_disk(u64 first, unsigned n, u8 *const to[])
{
	assert_in_range(n, 1, 64);
	if (result && n_asked >= fail_at)
		return result;
	if (bad_place - first < n)
		return -EIO;
	asked[n_asked % ASKED_MAX].first = first;
	asked[n_asked++ % ASKED_MAX].n = n;
	for (unsigned i = 0; i < n; i++)
		memset(to[i], (int)(first + i), 4096);
	return 0;
}

static void add(struct inode *ino, const struct ondisk_extent *extents, u32 n, u64 pages)
{
	*ino = (struct inode){.extents = extents, .n_extents = n};
	ino->base_size = ino->size = (pages - 1) * 4096 + END;
	list_add_tail(&file_renewables, &ino->reclaim);
	assert_true(ondisk_valid(extents, n * sizeof(*extents), ino->size));
}

static int setup(void **state)
{
	list_init(&file_renewables);
	add(&a, a_extents, 4, 113);
	add(&b, b_extents, 2, 8);
	ahead_done = false;
	n_asked = 0;
	result = 0;
	bad_place = ~0UL;
	page_stats = (struct page_stats){.free = 1UL << 20};
	cmdline_set("");
	ondisk_init(read_from_disk);
	return 0;
}

static void drop(void *page, void *arg)
{
	page_put(page);
}

static int teardown(void **state)
{
	radix_clear_from(&a.pages, 0, drop, NULL);
	radix_clear_from(&b.pages, 0, drop, NULL);
	assert_int_equal(shim_allocations, 0);
	return 0;
}

static void check_page(const struct inode *ino, u64 index, u64 place)
{
	const struct page *p = radix_get(&ino->pages, index);
	const u8 *bytes;

	assert_non_null(p);
	bytes = page_to_virt(p);
	assert_int_equal(bytes[0], (u8)place);
	assert_int_equal(bytes[4095],
			 (index + 1) << PAGE_SHIFT > ino->base_size ? 0 : (u8)place);
}

static void check_asked(unsigned i, u64 first, unsigned n)
{
	assert_in_range(i, 0, n_asked - 1);
	assert_int_equal(asked[i].first, first);
	assert_int_equal(asked[i].n, n);
}

/* Pages to be read ahead lie together: two requests for three extents of two files. */
static void test_ahead(void **state)
{
	assert_int_equal(ondisk_fill(&b, 0), 0);
	assert_int_equal(n_asked, 2);
	check_asked(0, 0, 64);
	check_asked(1, 64, 11);
	check_page(&a, 0, 0);
	check_page(&a, 1, 1);
	check_page(&a, 42, 2);
	check_page(&a, 111, 71);
	check_page(&b, 2, 74);
	assert_null(radix_get(&a.pages, 2));
	assert_null(radix_get(&b.pages, 3));
	assert_int_equal(a.npages + b.npages, 75);
	assert_int_equal(page_stats.cache, 75);
}

/* The touched page and its neighbours of the same cluster and extent, those that are not
 * there. */
static void test_around(void **state)
{
	assert_int_equal(ondisk_fill(&b, 0), 0);
	n_asked = 0;
	assert_int_equal(ondisk_fill(&a, 20), 0);
	check_asked(0, 100, 30);
	check_page(&a, 16, 114);
	page_put(radix_take(&a.pages, 8));
	page_put(radix_take(&a.pages, 9));
	assert_int_equal(ondisk_fill(&a, 9), 0);
	check_asked(1, 106, 2);
	assert_int_equal(ondisk_fill(&a, 41), 0);
	check_asked(2, 130, 10);
	assert_int_equal(ondisk_fill(&a, 112), 0);
	check_asked(3, 140, 1);
	check_page(&a, 112, 140);
	assert_int_equal(ondisk_fill(&b, 7), 0);
	check_asked(4, 141, 5);
	check_page(&b, 7, 145);
}

/* Short memory: the page alone, and nothing ahead. */
static void test_short_memory(void **state)
{
	page_stats.free = PAGES_SPARE;
	assert_int_equal(ondisk_fill(&a, 20), 0);
	assert_int_equal(n_asked, 1);
	check_asked(0, 118, 1);
	page_stats.free = 1UL << 20;
	assert_int_equal(ondisk_fill(&a, 60), 0); /* was to be read ahead; no later */
	assert_int_equal(n_asked, 2);
	check_asked(1, 2, 22);
}

/* nub.read=touched. */
static void test_touched_only(void **state)
{
	cmdline_set("init=/init nub.read=touched");
	ondisk_init(read_from_disk);
	assert_int_equal(ondisk_fill(&a, 20), 0);
	assert_int_equal(ondisk_fill(&b, 1), 0);
	assert_int_equal(n_asked, 2);
	check_asked(0, 118, 1);
	check_asked(1, 73, 1);
	check_page(&b, 1, 73);
}

/* A disk that stalls in the middle goes on where it was; one that fails leaves the page
 * that was asked for. */
static void test_disk_fails(void **state)
{
	result = -EAGAIN;
	fail_at = 1;
	assert_int_equal(ondisk_fill(&b, 3), -EAGAIN);
	assert_int_equal(ondisk_fill(&b, 3), -EAGAIN);
	assert_int_equal(n_asked, 1);
	result = 0;
	assert_int_equal(ondisk_fill(&b, 3), 0);
	assert_int_equal(n_asked, 3);
	check_asked(1, 64, 11);
	check_asked(2, 141, 5);
	radix_clear_from(&a.pages, 0, drop, NULL);
	radix_clear_from(&b.pages, 0, drop, NULL);
	ahead_done = false;
	result = -EIO;
	fail_at = n_asked;
	assert_int_equal(ondisk_fill(&b, 3), -EIO);
	result = 0;
	n_asked = 0;
	assert_int_equal(ondisk_fill(&b, 3), 0);
	assert_int_equal(n_asked, 1);
}

/* A place that cannot be read is an error of its own page, and of no other. */
static void test_bad_place(void **state)
{
	bad_place = 118;
	assert_int_equal(ondisk_fill(&a, 20), -EIO);
	assert_int_equal(ondisk_fill(&a, 19), 0);
	check_page(&a, 19, 117);
	assert_null(radix_get(&a.pages, 20));
	bad_place = 3; /* of those that are read ahead */
	ahead_done = false;
	assert_int_equal(ondisk_fill(&b, 1), 0);
	assert_int_equal(ondisk_fill(&a, 42), 0);
	assert_int_equal(ondisk_fill(&a, 43), -EIO);
}

/* A file that a program has cut or written to keeps what it has. */
static void test_changed_file(void **state)
{
	a.changed = true;
	b.base_size = 2 * 4096;
	assert_int_equal(ondisk_fill(&b, 1), 0);
	check_asked(0, 72, 3);
	assert_int_equal(a.npages, 0);
	assert_int_equal(b.npages, 2);
}

static void test_no_memory(void **state)
{
	shim_fail_after = 40;
	assert_int_equal(ondisk_fill(&a, 20), -ENOMEM);
	assert_int_equal(n_asked, 0);
	shim_fail_after = -1;
	assert_int_equal(ondisk_fill(&a, 20), 0);
	assert_int_equal(n_asked, 1); /* not ahead any more */
	shim_fail_after = 3;
	assert_int_equal(ondisk_fill(&a, 60), -ENOMEM);
	shim_fail_after = -1;
}

static void test_extents(void **state)
{
	struct ondisk_extent e[] = {{1, 0}, {2, 5}};

	assert_true(ondisk_valid(e, 16, 3 * 4096));
	assert_true(ondisk_valid(e, 16, 2 * 4096 + 1));
	assert_false(ondisk_valid(e, 16, 2 * 4096));
	assert_false(ondisk_valid(e, 16, 3 * 4096 + 1));
	assert_false(ondisk_valid(e, 12, 3 * 4096));
	assert_false(ondisk_valid(e, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_around, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_touched_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
		cmocka_unit_test(test_extents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
