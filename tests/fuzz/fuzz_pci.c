/* SPDX-License-Identifier: MIT */
/* Fuzz: nub's driver of lent PCI devices.  The input is what the back end answers to each access:
 * a byte, how it behaves, and four, the value.  A byte for each file: whether there is memory.  A device that is offered to programs has ranges
 * that do not overlap themselves, and all is given back. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/kernel/backend.h"
#include "../unit/kernel/shim.h"
#include "fuzz.h"

#include <nub/vfs.h>

#include "../../kernel/drivers/pcifront.c"
#include "../../kernel/xen/lent.h"

enum { FILES_MAX = 16 };

static const uint8_t *at, *end;
static struct xenbus_device xb;
static struct pcifront *front;

static struct {
	struct inode inode;
	char path[80];
} files[FILES_MAX];
/* Apart from these: a dent may be longer than its type. */
static struct dent *dents[FILES_MAX];

static uint32_t next_byte(void)
{
	return at < end ? *at++ : 0;
}

static const char *texts(const char *path)
{
	static const char *const names[] = {"0000:02:00.1", "0000:00:03.01",
					    "0000:00:03.1", "ffff:ff:1f.7",
					    "0000:00:20.0", "",
					    "0000:00:00.08"};

	return names[next_byte() % (sizeof(names) / sizeof(names[0]))];
}

/* The back end's turn: it answers while a thread of ours sleeps. */
int waitq_sleep_hard(struct waitq *q, u64 deadline)
{
	struct xen_pci_sharedinfo *shared = front->op.shared;
	uint32_t how = next_byte(), value = 0;

	if (deadline == NEVER)
		abort();
	/* The launcher has no answer, or not the one that it is waited for. */
	if (!(shared->flags & 1)) {
		shim_now = deadline;
		return -ETIMEDOUT;
	}
	if (how >= 0xf0) {
		shim_now = deadline;
		return -ETIMEDOUT;
	}
	for (unsigned i = 0; i < 4; i++)
		value |= next_byte() << 8 * i;
	shared->op.value = value;
	shared->op.err = how >= 0xe0 ? XEN_PCI_ERR_access_denied : XEN_PCI_ERR_success;
	if (how < 0xd0)
		shared->flags &= ~1u;
	return 0;
}

void waitq_wake(struct waitq *q, unsigned events)
{
}

void pcimem_offer(void)
{
}

struct dent *tree_try(const char *path, u32 mode, const struct inode_ops *ops, void *priv)
{
	if (next_byte() == 0xee)
		return NULL;
	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (files[i].path[0])
			continue;
		snprintf(files[i].path, sizeof(files[i].path), "%s", path);
		files[i].inode = (struct inode){.refs = 1, .ops = ops, .priv = priv};
		dents[i] = calloc(1, sizeof(*dents[i]));
		if (!dents[i])
			abort();
		dents[i]->refs = 2;
		dents[i]->inode = &files[i].inode;
		return dents[i];
	}
	abort();
}

void dent_put(struct dent *d)
{
	struct inode *ino = d->inode;

	if (--d->refs)
		return;
	for (unsigned i = 0; i < FILES_MAX; i++)
		if (dents[i] == d) {
			files[i].path[0] = '\0';
			dents[i] = NULL;
		}
	free(d);
	if (!--ino->refs && ino->ops && ino->ops->release)
		ino->ops->release(ino);
}

void dent_unlink(struct dent *d)
{
	dent_put(d);
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

/* As QEMU does: part of the configuration space is read and written. */
static void use_config(void)
{
	uint8_t bytes[64];

	for (unsigned i = 0; i < FILES_MAX; i++) {
		struct file f = {.inode = &files[i].inode};
		const char *last = strrchr(files[i].path, '/');
		u64 pos = next_byte() * 17u;
		size_t n = next_byte() % sizeof(bytes);

		if (!last || strcmp(last, "/config") != 0 ||
		    f.inode->ops->open(f.inode, &f))
			continue;
		f.ops->read(&f, &(struct uio){.left = n, .one.base = (uintptr_t)bytes},
			    &pos);
		memset(bytes, (int)next_byte(), sizeof(bytes));
		f.ops->write(&f, &(struct uio){.left = n, .one.base = (uintptr_t)bytes},
			     &pos);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	at = data;
	end = data + size;
	memset(files, 0, sizeof(files));
	memset(&xb, 0, sizeof(xb));
	xb = (struct xenbus_device){.id = 1, .other = "/local/domain/0/backend/pci/5/1"};
	backend_text = texts;
	backend_online = true;
	backend_number = next_byte() % 3;
	if (probe(&xb) != 0)
		abort();
	front = xb.priv;
	changed(&xb, XenbusStateInitWait);
	for (unsigned turns = 0; turns < 3; turns++) {
		changed(&xb, XenbusStateConnected);
		if (lent_any())
			use_config();
		if (next_byte() & 1)
			changed(&xb, XenbusStateClosing);
	}
	removed(&xb);
	backend_lets_go();
	if (lent_any() || shim_allocations || backend_has)
		abort();
	return 0;
}
