/* SPDX-License-Identifier: MIT */
/* The driver of lent PCI devices against back ends that lie, stall and flap. */
#include "unit.h"
#include <errno.h>
#include <stdlib.h>

#include "backend.h"
#include "shim.h"

#include <abi/pci.h>
#include <nub/vfs.h>

#include "../../../kernel/drivers/pcifront.c"
#include "../../../kernel/xen/lent.h"

enum { FILES_MAX = 16, CONFIG = 256 };

/* --- the device, and how the back end behaves --- */

static struct {
	uint32_t regs[CONFIG / 4], masks[CONFIG / 4]; /* masks: of base addresses */
	bool probing[CONFIG / 4];
	uint32_t junk; /* over the bytes that were not asked for */
	bool stalls, refuses;
	bool taken;    /* while the launcher is waited for */
	unsigned last; /* access that it does not answer; 0: none */
	unsigned asked;
} back;

static const char *real_name = "0000:02:00.1", *virtual_name = "0000:00:03.01";
static struct xenbus_device xb;
static struct pcifront *front;

static const char *texts(const char *path)
{
	if (!strcmp(path, "/local/domain/0/backend/pci/5/1/dev-0"))
		return real_name;
	if (!strcmp(path, "/local/domain/0/backend/pci/5/1/vdev-0"))
		return virtual_name;
	return NULL;
}

static void access_config(struct xen_pci_op *op)
{
	const uint32_t at = (uint32_t)op->offset / 4,
		       shift = (uint32_t)op->offset % 4 * 8;

	assert_true(op->size == 1 || op->size == 2 || op->size == 4);
	assert_int_equal(op->offset % op->size, 0);
	assert_int_equal(op->domain, 0);
	assert_int_equal(op->devfn, 3 << 3 | 1);
	op->err = XEN_PCI_ERR_success;
	if (op->offset >= CONFIG)
		op->err = XEN_PCI_ERR_invalid_offset;
	else if (op->cmd == XEN_PCI_OP_conf_write)
		back.probing[at] = op->value >= ~1u;
	else
		op->value = (back.probing[at] ? back.masks[at] : back.regs[at] >> shift) |
			    (op->size < 4 ? back.junk << op->size * 8 : 0);
}

/* The back end's turn: it answers while a thread of ours sleeps. */
int waitq_sleep_hard(struct waitq *q, u64 deadline)
{
	struct xen_pci_sharedinfo *shared = front->op.shared;

	back.asked++;
	assert_true(deadline != NEVER);
	/* Waits for the launcher. */
	if (!(shared->flags & 1)) {
		shim_now = deadline;
		if (back.taken)
			front->op.gone = true;
		return -ETIMEDOUT;
	}
	if (back.stalls || back.asked == back.last) {
		shim_now = deadline;
		return -ETIMEDOUT;
	}
	access_config(&shared->op);
	if (back.refuses)
		shared->op.err = XEN_PCI_ERR_access_denied;
	shared->flags &= ~1u;
	return 0;
}

void waitq_wake(struct waitq *q, unsigned events)
{
}

/* --- the tree of names --- */

static struct {
	char path[80];
	struct dent dent;
	struct inode inode;
} files[FILES_MAX];
static unsigned offered;
static unsigned files_left; /* after as many there is no memory; 0: for ever */

struct dent *tree_try(const char *path, u32 mode, const struct inode_ops *ops, void *priv)
{
	if (files_left && !--files_left)
		return NULL;
	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (files[i].path[0])
			continue;
		snprintf(files[i].path, sizeof(files[i].path), "%s", path);
		files[i].inode = (struct inode){.refs = 1, .ops = ops, .priv = priv};
		files[i].dent = (struct dent){.refs = 2, .inode = &files[i].inode};
		return &files[i].dent;
	}
	abort();
}

static void let_go(struct inode *ino)
{
	if (!--ino->refs && ino->ops && ino->ops->release)
		ino->ops->release(ino);
}

void dent_put(struct dent *d)
{
	if (!--d->refs) {
		((char *)d)[-(int)sizeof(files[0].path)] = '\0';
		let_go(d->inode);
	}
}

void dent_unlink(struct dent *d)
{
	dent_put(d);
}

static struct inode *find_file(const char *name)
{
	for (unsigned i = 0; i < FILES_MAX; i++) {
		const char *last = strrchr(files[i].path, '/');

		if (last && !strcmp(last + 1, name))
			return &files[i].inode;
	}
	return NULL;
}

static void expect_text(const char *name, const char *text)
{
	const struct inode *ino = find_file(name);

	assert_non_null(ino);
	assert_string_equal((const char *)ino->base, text);
	assert_int_equal(ino->size, strlen(text));
}

size_t uio_put(struct uio *u, const void *src, size_t n)
{
	memcpy((void *)(uintptr_t)u->one.base, src, n);
	u->one.base += n;
	u->left -= n;
	return n;
}

size_t uio_get(struct uio *u, void *dst, size_t n)
{
	memcpy(dst, (void *)(uintptr_t)u->one.base, n);
	u->one.base += n;
	u->left -= n;
	return n;
}

void pcimem_offer(void)
{
	offered++;
}

/* --- tests --- */

static void bar(unsigned n, uint32_t value, uint32_t mask)
{
	back.regs[4 + n] = value;
	back.masks[4 + n] = mask;
}

/* A device of each kind of range, with MSI-X behind another capability. */
static int set_up(void **state)
{
	memset(&back, 0, sizeof(back));
	memset(&xb, 0, sizeof(xb));
	xb = (struct xenbus_device){.id = 1, .other = "/local/domain/0/backend/pci/5/1"};
	real_name = "0000:02:00.1";
	virtual_name = "0000:00:03.01";
	backend_text = texts;
	backend_online = true;
	backend_number = 0;
	offered = 0;
	back.regs[0] = 0x10d38086;
	back.regs[1] = 0x00100000;
	back.regs[2] = 0x02000005;
	bar(0, 0xfeb00000, 0xfffe0000);
	bar(1, 0x0000000c, 0xffffc00c); /* of 64 bits, as the next is */
	bar(2, 0x000000c0, 0xffffffff);
	bar(3, 0x0000f001, 0xffffffe1);
	back.regs[12] = 0xfea00000;
	back.masks[12] = 0xfffc0000;
	back.regs[13] = 0x40;
	back.regs[15] = 0x010b;
	back.regs[16] = 0x5001;	    /* 0x40: power management */
	back.regs[20] = 0x00040011; /* 0x50: MSI-X, five entries */
	back.regs[21] = 0x2000 | 1;
	assert_int_equal(probe(&xb), 0);
	front = xb.priv;
	changed(&xb, XenbusStateInitWait);
	assert_int_equal(xb.state, XenbusStateInitialised);
	return 0;
}

static int tear_down(void **state)
{
	removed(&xb);
	backend_lets_go();
	assert_int_equal(backend_has, 0);
	assert_int_equal(shim_allocations, 0);
	assert_false(lent_any());
	return 0;
}

static void test_looks(void **state)
{
	changed(&xb, XenbusStateConnected);
	assert_int_equal(xb.state, XenbusStateConnected);
	assert_true(lent_any());
	assert_int_equal(offered, 1);
	expect_text("vendor", "0x8086\n");
	expect_text("device", "0x10d3\n");
	expect_text("class", "0x020000\n");
	expect_text("irq", "11\n");
	expect_text("resource",
		    "0x00000000feb00000 0x00000000feb1ffff 0x0000000000000200\n"
		    "0x000000c000000000 0x000000c000003fff 0x000000000010220c\n"
		    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		    "0x000000000000f000 0x000000000000f01f 0x0000000000000101\n"
		    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		    "0x00000000fea00000 0x00000000fea3ffff 0x0000000000002200\n");
	assert_null(find_file("physfn"));
	assert_true(lent_is_table(0xc000002000, 4096));
	assert_string_equal(files[0].path, "/sys/bus/pci/devices/0000:02:00.1");
}

/* The folder, its configuration space, five texts. */
enum { NODES = 7 };

/* A kernel that goes down with it would take the guest along. */
static void test_no_memory_for_names(void **state)
{
	for (unsigned n = 1; n <= NODES; n++) {
		files_left = n;
		changed(&xb, XenbusStateConnected);
		assert_int_not_equal(xb.state, XenbusStateConnected);
		assert_false(lent_any());
		for (unsigned i = 0; i < FILES_MAX; i++)
			assert_string_equal(files[i].path, "");
	}
	files_left = 0;
	changed(&xb, XenbusStateConnected);
	assert_true(lent_any());
}

static void test_virtual_function(void **state)
{
	backend_number = 1;
	changed(&xb, XenbusStateConnected);
	assert_non_null(find_file("physfn"));
}

static void test_reads_and_writes(void **state)
{
	unsigned char bytes[8];
	struct inode *ino;
	struct file f = {0};
	u64 pos = 1;

	changed(&xb, XenbusStateConnected);
	ino = find_file("config");
	f.inode = ino;
	assert_int_equal(ino->ops->open(ino, &f), 0);
	/* More than was asked for does not get through. */
	back.junk = ~0u;
	assert_int_equal(
		f.ops->read(&f, &(struct uio){.left = 3, .one.base = (uintptr_t)bytes},
			    &pos),
		3);
	assert_memory_equal(bytes, "\x80\xd3\x10", 3);
	assert_int_equal(pos, 4);
	pos = 4;
	assert_int_equal(
		f.ops->write(&f, &(struct uio){.left = 2, .one.base = (uintptr_t)bytes},
			     &pos),
		2);
	back.refuses = true;
	assert_int_equal(
		f.ops->read(&f, &(struct uio){.left = 1, .one.base = (uintptr_t)bytes},
			    &pos),
		-EIO);
	back.refuses = false;
	pos = CONFIG; /* behind what this back end has */
	assert_int_equal(
		f.ops->read(&f, &(struct uio){.left = 4, .one.base = (uintptr_t)bytes},
			    &pos),
		-EIO);
	/* The device goes, the open file stays. */
	ino->refs++;
	backend_online = false;
	changed(&xb, XenbusStateClosing);
	assert_null(find_file("config"));
	pos = 0;
	assert_int_equal(
		f.ops->read(&f, &(struct uio){.left = 4, .one.base = (uintptr_t)bytes},
			    &pos),
		-ENODEV);
	let_go(ino);
}

static u32 rom_register(struct file *f)
{
	u32 value = 0;
	u64 pos = STUBDOM_PCI_ROM_REGISTER;

	assert_int_equal(
		f->ops->read(f, &(struct uio){.left = 4, .one.base = (uintptr_t)&value},
			     &pos),
		4);
	return value;
}

static ssize_t write_rom(struct file *f, u32 value)
{
	u64 pos = STUBDOM_PCI_ROM_REGISTER;

	return f->ops->write(f, &(struct uio){.left = 4, .one.base = (uintptr_t)&value},
			     &pos);
}

/* The back end's word is not asked: it would drop the bit.  The launcher's is. */
static void test_rom(void **state)
{
	struct file f = {0};
	unsigned asked;

	changed(&xb, XenbusStateConnected);
	f.inode = find_file("config");
	assert_int_equal(f.inode->ops->open(f.inode, &f), 0);
	assert_int_equal(rom_register(&f), 0xfea00000);
	asked = back.asked;
	backend_number = 1;
	assert_int_equal(write_rom(&f, 0xfea00001), 4);
	assert_int_equal(back.asked, asked);
	assert_int_equal(rom_register(&f), 0xfea00001);
	/* The address is not its guest's to move, nor the size to ask for. */
	assert_int_equal(write_rom(&f, 0xffffffff), 4);
	assert_int_equal(rom_register(&f), 0xfea00001);
	/* Not yet off, and then never. */
	assert_int_equal(write_rom(&f, 0xfea00000), -ETIMEDOUT);
	assert_int_equal(rom_register(&f), 0xfea00000);
	backend_number = STUBDOM_PCI_ROM_REFUSED;
	assert_int_equal(write_rom(&f, 0xfea00001), -EPERM);
	assert_int_equal(rom_register(&f), 0xfea00000);
	assert_string_equal(backend_written, "1");
	/* Too late is never: nobody would turn it off. */
	backend_number = 0;
	assert_int_equal(write_rom(&f, 0xfea00001), -ETIMEDOUT);
	assert_int_equal(rom_register(&f), 0xfea00000);
	assert_string_equal(backend_written, "0");
	/* The device is taken while its program waits. */
	back.taken = true;
	assert_int_equal(write_rom(&f, 0xfea00001), -ENODEV);
	assert_int_equal(front->op.users, 0);
}

/* A register that is none of a device without a ROM is the back end's. */
static void test_no_rom(void **state)
{
	struct file f = {0};
	unsigned asked;

	back.regs[12] = back.masks[12] = 0;
	changed(&xb, XenbusStateConnected);
	f.inode = find_file("config");
	assert_int_equal(f.inode->ops->open(f.inode, &f), 0);
	asked = back.asked;
	assert_int_equal(write_rom(&f, 1), 4);
	assert_int_equal(back.asked, asked + 1);
}

/* It costs one time-out, and no device is made. */
static void test_stalls(void **state)
{
	const uint64_t start = shim_now;

	back.stalls = true;
	for (unsigned i = 0; i < 20; i++)
		changed(&xb, XenbusStateConnected);
	assert_int_equal(shim_now - start, PCIOP_TIMEOUT_NS);
	assert_int_not_equal(xb.state, XenbusStateConnected);
	assert_false(lent_any());
	/* It answers late: then it may go on. */
	back.stalls = false;
	front->op.shared->flags = 0;
	changed(&xb, XenbusStateConnected);
	assert_true(lent_any());
}

/* A device without the ranges that were not answered would be none. */
static void test_stalls_halfway(void **state)
{
	for (unsigned last = 1; last < 30; last++) {
		back.asked = 0;
		back.last = last;
		changed(&xb, XenbusStateConnected);
		assert_int_not_equal(xb.state, XenbusStateConnected);
		assert_false(lent_any());
		front->op.shared->flags = 0;
	}
}

static void test_refuses(void **state)
{
	back.refuses = true;
	changed(&xb, XenbusStateConnected);
	assert_false(lent_any());
	assert_null(find_file("config"));
}

/* No range of a device's: there is none. */
static void test_lies_about_ranges(void **state)
{
	static const uint32_t lies[][2] = {
		{0xfeb00000, 0xff0e0000}, /* no power of two */
		{0xfeb10000, 0xfff00000}, /* not at a multiple of its size */
		{0x00000000, 0xfffe0000}, /* nowhere */
		{0xfeb00000, 0},	  /* no size */
		{0xffffffff, 0xffffffff},
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		bar(0, lies[i][0], lies[i][1]);
		changed(&xb, XenbusStateConnected);
		assert_memory_equal(find_file("resource")->base,
				    "0x0000000000000000 0x0000000000000000 "
				    "0x0000000000000000\n",
				    57);
		changed(&xb, XenbusStateClosed);
		changed(&xb, XenbusStateInitWait);
	}
	/* Of 64 bits, and over the end. */
	bar(0, 0x4, 0x4);
	bar(1, 0x80000000, 0x80000000);
	changed(&xb, XenbusStateConnected);
	assert_memory_equal(find_file("resource")->base, "0x0000000000000000 ", 19);
}

static void test_lies_about_capabilities(void **state)
{
	/* A circle. */
	back.regs[20] = 0x5005;
	back.asked = 0;
	changed(&xb, XenbusStateConnected);
	assert_true(back.asked < 200);
	assert_int_equal(offered, 0);
	changed(&xb, XenbusStateClosed);
	changed(&xb, XenbusStateInitWait);
	/* A table behind its range's end; in no range; in ports. */
	back.regs[20] = 0x07ff0011;
	for (unsigned i = 0; i < 8; i++) {
		if (i == 0)
			continue;
		back.regs[21] = (i == 1 ? 0x3000 : 0) | i;
		changed(&xb, XenbusStateConnected);
		assert_int_equal(offered, 0);
		changed(&xb, XenbusStateClosed);
		changed(&xb, XenbusStateInitWait);
	}
}

static void test_flaps(void **state)
{
	unsigned long before;

	changed(&xb, XenbusStateConnected);
	before = shim_allocations;
	for (unsigned i = 0; i < 50; i++) {
		changed(&xb, XenbusStateClosing);
		changed(&xb, XenbusStateClosed);
		assert_false(lent_any());
		changed(&xb, XenbusStateInitWait);
		changed(&xb, XenbusStateConnected);
		changed(&xb, XenbusStateConnected);
		assert_true(lent_any());
	}
	assert_int_equal(shim_allocations, before);
}

static void test_keeps_its_page(void **state)
{
	backend_keeps = true;
	for (unsigned i = 0; i < 2 * GRANT_HELD_MAX; i++) {
		changed(&xb, XenbusStateClosed);
		changed(&xb, XenbusStateInitWait);
	}
	assert_true(backend_has <= GRANT_HELD_MAX + 1);
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"",
		"0000:02:00",
		"0000:02:00.",
		"0000:02:00.8",
		"0000:02:20.0",
		"000:02:00.0",
		"0000:02:00.1x",
		"0000:02:00.011",
		"0000-02-00.1",
		"0000:02:00.1 ",
		" 0000:02:00.1",
	};
	struct pciop_place at;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(pcidev_parse(bad[i], &at));
		real_name = bad[i];
		changed(&xb, XenbusStateConnected);
		assert_false(lent_any());
	}
	assert_true(pcidev_parse("abcd:ef:1f.7", &at));
	assert_int_equal(at.domain, 0xabcd);
	assert_int_equal(at.bus, 0xef);
	assert_int_equal(at.devfn, 0xff);
}

/* The nodes that name the back end are the domain's own. */
static void test_only_dom0_lends(void **state)
{
	struct xenbus_device other = {.other = "/local/domain/5/data"};

	assert_int_equal(probe(&other), -EPERM);
	snprintf(other.other, sizeof(other.other), "/local/domain/0/backend/pci/5/1");
	other.other_dom = 5;
	assert_int_equal(probe(&other), -EPERM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_looks),
		TEST(test_no_memory_for_names),
		TEST(test_virtual_function),
		TEST(test_reads_and_writes),
		TEST(test_rom),
		TEST(test_no_rom),
		TEST(test_stalls),
		TEST(test_stalls_halfway),
		TEST(test_refuses),
		TEST(test_lies_about_ranges),
		TEST(test_lies_about_capabilities),
		TEST(test_flaps),
		TEST(test_keeps_its_page),
		TEST(test_names),
		TEST(test_only_dom0_lends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
