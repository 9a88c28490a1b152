/* SPDX-License-Identifier: MIT */
/* Which pages of files are dropped when memory is short. */
#include "unit.h"

#include "shim.h"

#include "../../../kernel/fs/reclaim.c"

enum { PAGES = 1200 };

struct page_stats page_stats;
static struct inode ino;
static struct page *pages[PAGES];
static bool mapped[PAGES], used[PAGES];

void mm_unmap_unused(struct inode *inode)
{
	assert_ptr_equal(inode, &ino);
	for (unsigned i = 0; i < PAGES; i++) {
		if (mapped[i] && !used[i]) {
			mapped[i] = false;
			page_put(pages[i]);
		}
		used[i] = false;
	}
}

void mm_unmap_inode(struct inode *inode, u64 first, u64 end)
{
	assert_ptr_equal(inode, &ino);
	for (u64 i = first; i < MIN(end, (u64)PAGES); i++) {
		if (mapped[i])
			page_put(pages[i]);
		mapped[i] = used[i] = false;
	}
}

/* The first `map` pages are mapped, of these the first `use` are in use. */
static void fill(unsigned n, unsigned map, unsigned use)
{
	ino.base_size = ino.size = PAGES * PAGE_SIZE;
	for (unsigned i = 0; i < n; i++) {
		pages[i] = page_alloc(0, 0);
		assert_int_equal(radix_set(&ino.pages, i, pages[i]), 0);
		mapped[i] = i < map;
		used[i] = i < use;
		pages[i]->ref += mapped[i];
	}
	ino.npages = page_stats.cache = n;
}

static int setup(void **state)
{
	list_init(&file_renewables);
	ino = (struct inode){0};
	list_add_tail(&file_renewables, &ino.reclaim);
	page_stats = (struct page_stats){0};
	return 0;
}

static int teardown(void **state)
{
	mm_unmap_inode(&ino, 0, PAGES);
	radix_clear_from(&ino.pages, 0, inode_page_gone, &ino);
	assert_int_equal(page_stats.cache, 0);
	assert_int_equal(shim_allocations, 0);
	return 0;
}

static void test_unused_first(void **state)
{
	fill(PAGES, 900, 600);
	assert_true(file_reclaim());
	assert_int_equal(ino.npages, 600);
	assert_non_null(radix_get(&ino.pages, 599));
	assert_null(radix_get(&ino.pages, 600));
	assert_int_equal(page_stats.reclaims, 1);
	/* Nobody has used them meanwhile. */
	assert_true(file_reclaim());
	assert_int_equal(ino.npages, 0);
	assert_false(file_reclaim());
}

/* The linker's tables, also those in use; the first 100 pages are none. */
static void test_tables_first(void **state)
{
	static const struct ondisk_extent extents[] = {
		{100, 600}, {600, 0 | ONDISK_AHEAD}, {500, 700}};

	ino.extents = extents;
	ino.n_extents = 3;
	fill(PAGES, 900, 600);
	assert_true(file_reclaim());
	assert_int_equal(ino.npages, 600);
	assert_non_null(radix_get(&ino.pages, 99));
	assert_null(radix_get(&ino.pages, 100));
	assert_null(radix_get(&ino.pages, 699));
	assert_non_null(radix_get(&ino.pages, 700));
	assert_true(file_reclaim()); /* of the rest 100 are in use */
	assert_int_equal(ino.npages, 0);
}

static void test_too_few_unused(void **state)
{
	fill(PAGES, 1000, 1000);
	assert_true(file_reclaim());
	assert_int_equal(ino.npages, 0);
}

static void test_what_stays(void **state)
{
	fill(RECLAIM_MIN - 1, 0, 0);
	assert_false(file_reclaim());
	assert_int_equal(ino.npages, RECLAIM_MIN - 1);
	radix_clear_from(&ino.pages, 0, inode_page_gone, &ino);
	fill(PAGES, 0, 0);
	ino.changed = true; /* its pages cannot be had again */
	assert_false(file_reclaim());
	assert_int_equal(ino.npages, PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unused_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_few_unused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_stays, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
