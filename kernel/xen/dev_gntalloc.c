/* SPDX-License-Identifier: MIT */
/*
 * /dev/xen/gntalloc: pages of ours that programs share with another domain
 * (libxenvchan).
 */
#include "calltrace.h"
#include "core.h"
#include "firewall.h"
#include "gnt_abi.h"
#include "grant.h"

#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/slab.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#define PAGES_MAX                                                                        \
	2048u /* of all descriptors together, and those that others hold on to */

struct gref {
	struct list link;
	u64 index; /* page offset in the descriptor */
	grant_ref_t ref;
	struct page *page;
	unsigned users; /* the descriptor's list, and each mapping */
	u32 action, notify_off, notify_port;
};

struct gntalloc {
	struct list grefs;
	u64 next_index;
};

/* The pages behind a mapping; they outlive the descriptor's entries. */
struct shown {
	u32 n;
	struct gref *grefs[];
};

static unsigned pages;

static void gref_put(struct gref *g)
{
	if (--g->users)
		return;
	if (g->action & GNT_NOTIFY_CLEAR_BYTE)
		((u8 *)page_to_virt(g->page))[g->notify_off] = 0;
	if (g->action & GNT_NOTIFY_SEND_EVENT)
		evtchn_notify_program(g->notify_port);
	if (g->ref)
		grant_end_page(g->ref, g->page, &pages);
	else
		page_put(g->page);
	pages--;
	kfree(g);
}

static struct gref *gref_create(struct gntalloc *a, domid_t dom, bool readonly)
{
	struct gref *g;

	if (pages >= PAGES_MAX)
		return NULL;
	g = kzalloc(sizeof(*g));
	if (!g)
		return NULL;
	g->page = page_alloc(0, ALLOC_ZERO | ALLOC_USER);
	if (!g->page) {
		kfree(g);
		return NULL;
	}
	pages++;
	g->users = 1;
	g->index = a->next_index++;
	g->ref = grant_access(dom, page_to_pfn(g->page), readonly);
	if (!g->ref) {
		gref_put(g);
		return NULL;
	}
	list_add_tail(&a->grefs, &g->link);
	return g;
}

static void gref_forget(struct gref *g)
{
	list_del(&g->link);
	gref_put(g);
}

static struct gref *find(struct gntalloc *a, u64 index)
{
	struct gref *g;

	list_for_each(g, &a->grefs, link)
		if (g->index == index)
			return g;
	return NULL;
}

static void forget_range(struct gntalloc *a, u64 first, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct gref *g = find(a, first + i);

		if (g)
			gref_forget(g);
	}
}

static long ioctl_alloc(struct gntalloc *a, void __user *arg)
{
	struct gntalloc_alloc c;
	u8 *refs = (u8 *)arg + sizeof(c);
	u64 first;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!firewall_peer(c.domid, PEER_TARGET | PEER_SELF | PEER_DOM0))
		return -EPERM;
	first = a->next_index; /* nothing sleeps from here on */
	if (!c.count || c.count > PAGES_MAX || grant_held(&pages) >= PAGES_MAX)
		return -ENOSPC;
	for (u32 i = 0; i < c.count; i++) {
		struct gref *g = gref_create(a, c.domid, !(c.flags & 1));

		if (!g) {
			forget_range(a, first, i);
			return -ENOMEM;
		}
		if (put_user32(g->ref, refs + i * sizeof(u32))) {
			forget_range(a, first, i + 1);
			return -EFAULT;
		}
	}
	c.index = first << PAGE_SHIFT;
	if (copy_to_user(arg, &c, sizeof(c))) {
		forget_range(a, first, c.count);
		return -EFAULT;
	}
	return 0;
}

static long ioctl_dealloc(struct gntalloc *a, void __user *arg)
{
	struct gntalloc_dealloc c;
	u64 first;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	first = c.index >> PAGE_SHIFT;
	for (u32 i = 0; i < c.count; i++)
		if (i >= PAGES_MAX || !find(a, first + i))
			return -EINVAL;
	forget_range(a, first, c.count);
	return 0;
}

static long ioctl_notify(struct gntalloc *a, void __user *arg)
{
	struct gnt_notify c;
	struct gref *g;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.action & ~(u32)(GNT_NOTIFY_CLEAR_BYTE | GNT_NOTIFY_SEND_EVENT))
		return -EINVAL;
	g = find(a, c.index >> PAGE_SHIFT);
	if (!g)
		return -ENOENT;
	g->action = c.action;
	g->notify_off = c.index & (PAGE_SIZE - 1);
	g->notify_port = c.port;
	return 0;
}

static long gntalloc_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct gntalloc *a = f->priv;

	calltrace_note("gntalloc", cmd & 0xff, 0, 0);
	switch (cmd) {
	case IOCTL_GNTALLOC_ALLOC_GREF:
		return ioctl_alloc(a, (void *)arg);
	case IOCTL_GNTALLOC_DEALLOC_GREF:
		return ioctl_dealloc(a, (void *)arg);
	case IOCTL_GNT_SET_UNMAP_NOTIFY:
		return ioctl_notify(a, (void *)arg);
	}
	return -ENOTTY;
}

static int shown_fault(struct vma *v, u64 index, bool write, u64 *pfn)
{
	struct shown *s = v->priv;
	u64 i = index - v->pgoff;

	if (i >= s->n)
		return -ENXIO;
	page_get(s->grefs[i]->page);
	*pfn = page_to_pfn(s->grefs[i]->page);
	return 0;
}

static void shown_close(struct vma *v)
{
	struct shown *s = v->priv;

	if (!s)
		return;
	for (u32 i = 0; i < s->n; i++)
		gref_put(s->grefs[i]);
	kfree(s);
	v->priv = NULL;
}

static const struct vma_ops shown_ops = {
	.fault = shown_fault,
	.close = shown_close,
};

static int gntalloc_mmap(struct file *f, struct vma *v)
{
	struct gntalloc *a = f->priv;
	u64 n = (v->end - v->start) >> PAGE_SHIFT;
	struct shown *s;

	if (!(v->flags & VM_SHARED))
		return -EINVAL;
	if (n > PAGES_MAX)
		return -ENOENT;
	s = kmalloc(sizeof(*s) + n * sizeof(s->grefs[0]));
	if (!s)
		return -ENOMEM;
	for (s->n = 0; s->n < n; s->n++) {
		struct gref *g = find(a, v->pgoff + s->n);

		if (!g) {
			for (u32 i = 0; i < s->n; i++)
				gref_put(s->grefs[i]);
			kfree(s);
			return -ENOENT;
		}
		g->users++;
		s->grefs[s->n] = g;
	}
	v->flags |= VM_FIXED_SIZE | VM_DONTFORK;
	v->ops = &shown_ops;
	v->priv = s;
	return 0;
}

static void gntalloc_release(struct file *f)
{
	struct gntalloc *a = f->priv;

	while (!list_empty(&a->grefs))
		gref_forget(list_first(&a->grefs, struct gref, link));
	kfree(a);
}

static const struct file_ops gntalloc_ops = {
	.ioctl = gntalloc_ioctl,
	.mmap = gntalloc_mmap,
	.release = gntalloc_release,
};

static int gntalloc_open(struct inode *ino, struct file *f)
{
	struct gntalloc *a = kzalloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	list_init(&a->grefs);
	f->ops = &gntalloc_ops;
	f->priv = a;
	return 0;
}

void xen_dev_gntalloc_init(void)
{
	chrdev_register("xen/gntalloc", 10, 122, gntalloc_open);
}
