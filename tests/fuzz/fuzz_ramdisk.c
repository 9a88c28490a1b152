/* SPDX-License-Identifier: MIT */
/* Fuzz: nub reads any bytes as its ramdisk, and every page of every file that it finds.
 * The kernel's archive reader, name tree, sparse arrays and decoder are its own. */
#include <stdint.h>
#include <stdlib.h>

#include "fuzz.h"

/* libc has this type of its own, as wide. */
#define ssize_t nub_ssize_t
#include <nub/clock.h>
#include <nub/ondisk.h>
#include <nub/packed.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>
#undef ssize_t

enum { DEPTH_MAX = 5000, PAGES_MAX = 64 };
/* S_IFMT and S_IFREG, which libc and Linux' headers hide from each other. */
enum { MODE_TYPE = 0170000, MODE_REGULAR = 0100000 };

struct page_stats page_stats;
static const uint8_t *ramdisk;
static size_t ramdisk_size;

/* --- what the parts need of the kernel --- */

/* All of one input's memory, for nothing frees a tree. */
struct block {
	struct block *next;
	void *p;
};
static struct block *blocks;

void *kzalloc(size_t n)
{
	struct block *b = malloc(sizeof(*b));

	if (!b || n > (1 << 20))
		abort(); /* nothing asks for more than the input's size */
	b->p = calloc(1, n ? n : 1);
	b->next = blocks;
	blocks = b;
	return b->p;
}

void *kmalloc(size_t n)
{
	return kzalloc(n);
}

/* Marked, so that a later use is seen, and no second time. */
void kfree(void *p)
{
	for (struct block *b = blocks; p && b; b = b->next) {
		if (b->p == p) {
			free(p);
			b->p = NULL;
			return;
		}
	}
	if (p)
		abort();
}

static void free_all(void)
{
	while (blocks) {
		struct block *b = blocks;

		blocks = b->next;
		free(b->p);
		free(b);
	}
}

void printk(const char *fmt, ...)
{
}

void panic(const char *fmt, ...)
{
	abort();
}

u64 clock_real(void)
{
	return 0;
}

void page_put(struct page *p)
{
	abort(); /* no file has a page of its own here */
}

void strlcpy(char *dst, const char *src, size_t n)
{
	size_t i = 0;

	for (; i + 1 < n && src[i]; i++)
		dst[i] = src[i];
	dst[i] = 0;
}

void inode_set_packed(struct inode *ino, u64 stored, u64 size)
{
	ino->stored = stored;
	ino->packed = size;
}

void inode_set_on_disk(struct inode *ino, const struct ondisk_extent *extents, u32 n,
		       u64 size)
{
	ino->on_disk = true;
	ino->extents = extents;
	ino->n_extents = n;
	ino->base_size = ino->size = size;
}

/* --- the files that it finds --- */

static void check_bytes(const uint8_t *at, u64 n)
{
	if (at < ramdisk || n > ramdisk_size || (size_t)(at - ramdisk) > ramdisk_size - n)
		abort();
}

static void check_extents(const struct inode *ino)
{
	u64 size = ino->n_extents * sizeof(*ino->extents);

	check_bytes((const uint8_t *)ino->extents, size);
	if (ino->base || ino->stored || !ondisk_valid(ino->extents, size, ino->base_size))
		abort();
}

static void check_file(const struct inode *ino)
{
	uint8_t page[PACKED_BLOCK];
	u64 pages = (ino->base_size + PACKED_BLOCK - 1) / PACKED_BLOCK;

	if (ino->base_size != ino->size)
		abort();
	if (ino->on_disk)
		check_extents(ino);
	if (!ino->base)
		return;
	check_bytes(ino->base, ino->stored ? ino->stored : ino->base_size);
	for (u64 i = 0; ino->stored && i < pages && i < PAGES_MAX; i++)
		if (packed_decode(ino->base, ino->stored, ino->packed, i, page) >
		    (s64)PACKED_BLOCK)
			abort();
}

static void check_tree(struct dent *dir, unsigned depth)
{
	struct dent *d;

	if (depth > DEPTH_MAX)
		abort();
	list_for_each(d, &dir->children, sibling) {
		if (!d->linked || d->parent != dir || strchr(d->name, '/'))
			abort();
		if ((d->inode->mode & MODE_TYPE) == MODE_REGULAR)
			check_file(d->inode);
		check_tree(d, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ramdisk = data;
	ramdisk_size = size;
	vfs_init();
	cpio_unpack(data, size);
	check_tree(root_dent, 0);
	free_all();
	return 0;
}
