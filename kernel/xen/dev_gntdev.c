/* SPDX-License-Identifier: MIT */
/*
 * /dev/xen/gntdev: pages that other domains granted to us, mapped or copied by
 * programs.
 */
#include "calltrace.h"
#include "core.h"
#include "firewall.h"
#include "gfn.h"
#include "gnt_abi.h"
#include "grant.h"
#include "hypercall.h"

#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#define PAGES_MAX 4096
/* Only grants of the guest are taken, to back ends that QEMU has for it. */
#define PEERS (PEER_TARGET | PEER_SELF)

/* One MAP_GRANT_REF: first a name (a range of offsets), then mmap's mapping of it. */
struct gmap {
	struct list link; /* empty when the descriptor forgot it */
	u64 index;	  /* page offset in the descriptor */
	u32 n;
	unsigned users;
	u64 gfn; /* 0: not mapped */
	u32 *handles;
	u64 vaddr;
	u32 action, notify_off, notify_port;
	struct grant_source src[];
};

struct gntdev {
	struct list maps;
	u64 next_index;
	unsigned pages;
};

static void gmap_put(struct gmap *m)
{
	if (--m->users)
		return;
	kfree(m->handles);
	kfree(m);
}

static struct gmap *find(struct gntdev *d, u64 index, u32 n)
{
	struct gmap *m;

	list_for_each(m, &d->maps, link)
		if (index >= m->index && index - m->index < m->n &&
		    (!n || (m->index == index && m->n == n)))
			return m;
	return NULL;
}

static long ioctl_map(struct gntdev *d, void __user *arg)
{
	struct gntdev_map c;
	struct gmap *m;
	long err = -EFAULT;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!c.count || c.count > PAGES_MAX - d->pages)
		return -EINVAL;
	m = kzalloc(sizeof(*m) + c.count * sizeof(m->src[0]));
	if (!m)
		return -ENOMEM;
	m->n = c.count;
	m->users = 1;
	if (copy_from_user(m->src, (u8 *)arg + sizeof(c), c.count * sizeof(m->src[0])))
		goto fail;
	err = -EPERM;
	for (u32 i = 0; i < m->n; i++)
		if (!firewall_peer(m->src[i].dom, PEERS))
			goto fail;
	/* Nothing sleeps from here on. */
	err = -EINVAL;
	if (c.count > PAGES_MAX - d->pages)
		goto fail;
	err = -EFAULT;
	m->index = d->next_index;
	c.index = m->index << PAGE_SHIFT;
	if (copy_to_user(arg, &c, sizeof(c)))
		goto fail;
	d->next_index += c.count;
	d->pages += c.count;
	list_add_tail(&d->maps, &m->link);
	return 0;
fail:
	kfree(m);
	return err;
}

static void forget(struct gntdev *d, struct gmap *m)
{
	list_del(&m->link);
	d->pages -= m->n;
	gmap_put(m);
}

static long ioctl_unmap(struct gntdev *d, void __user *arg)
{
	struct gntdev_unmap c;
	struct gmap *m;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.index & (PAGE_SIZE - 1) || !c.count)
		return -EINVAL;
	m = find(d, c.index >> PAGE_SHIFT, c.count);
	if (!m)
		return -ENOENT;
	forget(d, m);
	return 0;
}

static void gmap_close(struct vma *v)
{
	struct gmap *m = v->priv;

	if (!m)
		return;
	/* A frame that was granted for reading only must not be written even now. */
	if (m->action & GNT_NOTIFY_CLEAR_BYTE && v->flags & VM_WRITE) {
		u32 page = m->notify_off >> PAGE_SHIFT;
		u8 *va = xen_map_frames(m->gfn + page, 1);

		if (va)
			va[m->notify_off & (PAGE_SIZE - 1)] = 0;
		xen_unmap_frames(va, 1);
	}
	if (m->action & GNT_NOTIFY_SEND_EVENT)
		evtchn_notify_program(m->notify_port);
	m->action = 0;
	grant_unmap(m->handles, m->n, m->gfn);
	gfn_free(m->gfn, m->n);
	m->gfn = 0;
	v->priv = NULL;
	gmap_put(m);
}

static int no_fault(struct vma *v, u64 index, bool write, u64 *pfn)
{
	struct gmap *m = v->priv;

	if (!m || index - v->pgoff >= m->n)
		return -ENXIO;
	*pfn = m->gfn + (index - v->pgoff);
	return 0;
}

static const struct vma_ops gmap_ops = {
	.fault = no_fault,
	.close = gmap_close,
};

static int gntdev_mmap(struct file *f, struct vma *v)
{
	u32 n = (u32)((v->end - v->start) >> PAGE_SHIFT);
	struct gmap *m = find(f->priv, v->pgoff, n);
	int err;

	if (!(v->flags & VM_SHARED))
		return -EINVAL;
	if (!m)
		return -EINVAL;
	if (m->gfn)
		return -EBUSY;
	m->handles = m->handles ? m->handles : kcalloc(n, sizeof(u32));
	if (!m->handles)
		return -ENOMEM;
	m->gfn = gfn_alloc(n);
	if (!m->gfn)
		return -ENOMEM;
	err = grant_map(m->src, n, m->gfn, !(v->flags & VM_WRITE), m->handles);
	if (err) {
		gfn_free(m->gfn, n);
		m->gfn = 0;
		return err;
	}
	m->users++;
	m->vaddr = v->start;
	v->flags |= VM_PFN | VM_FIXED_SIZE | VM_DONTFORK;
	if (!(v->flags & VM_WRITE))
		v->flags |= VM_MAYNOTWRITE;
	v->ops = &gmap_ops;
	v->priv = m;
	return 0;
}

static long ioctl_offset(void __user *arg)
{
	struct gntdev_offset c;
	struct vma *v;
	struct gmap *m;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	v = vma_find(current->proc->mm, c.vaddr);
	if (!v || v->start != c.vaddr || v->ops != &gmap_ops || !v->priv)
		return -EINVAL;
	m = v->priv;
	c.offset = m->index << PAGE_SHIFT;
	c.count = m->n;
	return copy_to_user(arg, &c, sizeof(c));
}

static long ioctl_notify(struct gntdev *d, void __user *arg)
{
	struct gnt_notify c;
	struct gmap *m;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.action & ~(u32)(GNT_NOTIFY_CLEAR_BYTE | GNT_NOTIFY_SEND_EVENT))
		return -EINVAL;
	m = find(d, c.index >> PAGE_SHIFT, 0);
	if (!m)
		return -ENOENT;
	m->action = c.action;
	m->notify_off = (u32)(c.index - (m->index << PAGE_SHIFT));
	m->notify_port = c.port;
	return 0;
}

/* One segment, through a page of the kernel's on our side. */
static int copy_segment(struct gntdev_copy_seg *s, struct page *bounce)
{
	bool from = s->flags & GNTCOPY_source_gref, to = s->flags & GNTCOPY_dest_gref;
	u8 *mem = page_to_virt(bounce);
	struct gnttab_copy op = {.len = s->len, .flags = s->flags};

	if (s->len > PAGE_SIZE || (!from && !to) ||
	    s->flags & ~(GNTCOPY_source_gref | GNTCOPY_dest_gref))
		return -EINVAL;
	if ((from && !firewall_peer(s->source.foreign.domid, PEERS)) ||
	    (to && !firewall_peer(s->dest.foreign.domid, PEERS)))
		return -EPERM;
	op.source.domid = op.dest.domid = DOMID_SELF;
	op.source.u.gmfn = op.dest.u.gmfn = page_to_pfn(bounce);
	if (from) {
		op.source.u.ref = s->source.foreign.ref;
		op.source.domid = s->source.foreign.domid;
		op.source.offset = s->source.foreign.offset;
	} else if (copy_from_user(mem, s->source.virt, s->len)) {
		return -EFAULT;
	}
	if (to) {
		op.dest.u.ref = s->dest.foreign.ref;
		op.dest.domid = s->dest.foreign.domid;
		op.dest.offset = s->dest.foreign.offset;
	}
	if (xen_grant_table_op(GNTTABOP_copy, &op, 1))
		return -EIO;
	s->status = op.status;
	if (!to && op.status == GNTST_okay && copy_to_user(s->dest.virt, mem, s->len))
		return -EFAULT;
	return 0;
}

static long ioctl_copy(void __user *arg)
{
	struct gntdev_copy c;
	struct page *bounce;
	long ret = 0;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.count > PAGES_MAX)
		return -EINVAL;
	bounce = page_alloc(0, ALLOC_ZERO);
	if (!bounce)
		return -ENOMEM;
	for (u32 i = 0; !ret && i < c.count; i++) {
		struct gntdev_copy_seg s;

		ret = copy_from_user(&s, c.segs + i, sizeof(s));
		if (!ret)
			ret = copy_segment(&s, bounce);
		if (!ret)
			ret = copy_to_user(&c.segs[i].status, &s.status,
					   sizeof(s.status));
	}
	page_put(bounce);
	return ret;
}

static long gntdev_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct gntdev *d = f->priv;
	void __user *p = (void __user *)arg;

	calltrace_note("gntdev", cmd & 0xff, 0, 0);

	switch (cmd) {
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		return ioctl_map(d, p);
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		return ioctl_unmap(d, p);
	case IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR:
		return ioctl_offset(p);
	case IOCTL_GNT_SET_UNMAP_NOTIFY:
		return ioctl_notify(d, p);
	case IOCTL_GNTDEV_GRANT_COPY:
		return ioctl_copy(p);
	}
	return -ENOTTY;
}

static void gntdev_release(struct file *f)
{
	struct gntdev *d = f->priv;

	while (!list_empty(&d->maps))
		forget(d, list_first(&d->maps, struct gmap, link));
	kfree(d);
}

static const struct file_ops gntdev_ops = {
	.ioctl = gntdev_ioctl,
	.mmap = gntdev_mmap,
	.release = gntdev_release,
};

static int gntdev_open(struct inode *ino, struct file *f)
{
	struct gntdev *d = kzalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	list_init(&d->maps);
	f->ops = &gntdev_ops;
	f->priv = d;
	return 0;
}

void xen_dev_gntdev_init(void)
{
	chrdev_register("xen/gntdev", 10, 123, gntdev_open);
}
