/* SPDX-License-Identifier: MIT */
/* The disk on which the root's files lie: read without sleeping, for page faults. */
#include "rootdisk.h"

#include <nub/blkdev.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/ondisk.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/string.h>

#include <abi/boot.h>

#define SECTORS (PAGE_SIZE / 512)
/* Then others may run: twice the time that the last answer took, within these bounds. A
 * fixed time could be too short for each answer, and the fault would never end. */
#define PATIENCE_NS (200ULL * NS_PER_MSEC)
#define PATIENCE_MAX_NS (10 * NS_PER_SEC)

static struct blkdev *disk;   /* counted; NULL: none yet */
static struct blk_io *unread; /* a request that was not answered in time */
static u64 asked_at;	      /* when the last request was made */
static u64 patience = PATIENCE_NS;
static bool stalled;

static void say_failed(u64 first, const char *why)
{
	static u64 silent_until;
	u64 now = clock_now();

	if (now < silent_until)
		return;
	silent_until = now + NS_PER_SEC;
	printk("nub: the root's disk (" STUBDOM_ROOT_DISK ") failed at page %lu: %s\n",
	       (unsigned long)first, why);
}

static bool find_disk(void)
{
	if (disk && disk->gone) {
		/* The old device stays until nobody has it; a new one may have come. */
		if (unread && unread->done) {
			disk->ops->put(unread);
			unread = NULL;
		}
		if (unread)
			return false;
		if (--disk->refs == 0)
			disk->ops->release(disk);
		disk = NULL;
	}
	if (!disk) {
		disk = blkdev_find(STUBDOM_ROOT_DISK);
		if (disk)
			disk->refs++;
	}
	return disk;
}

static int wait(struct blk_io *io)
{
	u64 until = clock_now() + patience;
	bool connected = true;

	while (!io->done && connected && clock_now() < until)
		connected = disk->ops->wait(disk, until);
	if (io->done) {
		patience = MAX(2 * (clock_now() - asked_at), PATIENCE_NS);
		patience = MIN(patience, PATIENCE_MAX_NS);
		if (stalled)
			printk("nub: the root's disk answers again\n");
		stalled = false;
		return 0;
	}
	if (!stalled)
		printk("nub: the root's disk (" STUBDOM_ROOT_DISK
		       ") does not answer: waiting for it\n");
	stalled = true;
	return connected ? -EAGAIN : -ENOTCONN;
}

/* The answer to an earlier question; that is asked again, if anybody still wants it. */
static int finish_unread(void)
{
	int err = unread ? wait(unread) : 0;

	if (!err && unread) {
		disk->ops->put(unread);
		unread = NULL;
	}
	return err;
}

static int read_once(u64 first, unsigned n, u8 *const to[])
{
	struct blk_io *io = disk->ops->get(disk, n * (u32)PAGE_SIZE);
	int err;

	if (!io)
		return -ENOMEM;
	io->op = BLK_READ;
	io->sector = first * SECTORS;
	io->bytes = n * PAGE_SIZE;
	asked_at = clock_now();
	disk->ops->start(io);
	err = wait(io);
	if (err) {
		unread = io;
		return err;
	}
	err = io->error;
	for (unsigned i = 0; i < n && !err; i++)
		memcpy(to[i], io->pages[i], PAGE_SIZE);
	disk->ops->put(io);
	if (err)
		say_failed(first, "I/O error");
	return err;
}

static int rootdisk_read(u64 first, unsigned n, u8 *const to[])
{
	unsigned most, part;
	int err = 0;

	if (!find_disk()) {
		say_failed(first, "it is not there");
		return -EIO;
	}
	err = finish_unread();
	most = MAX(disk->max_bytes / (unsigned)PAGE_SIZE, 1u);
	for (unsigned i = 0; i < n && !err; i += part) {
		part = MIN(n - i, most);
		err = read_once(first + i, part, to + i);
	}
	return err;
}

void rootdisk_init(void)
{
	ondisk_init(rootdisk_read);
}
