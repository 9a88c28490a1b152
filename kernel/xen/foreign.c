/* SPDX-License-Identifier: MIT */
/* Mappings of /dev/xen/privcmd. QEMU maps a guest's memory a mebibyte at a time, some
 * pieces anew for each request of a device (xen-mapcache.c: a piece that another size of
 * mapping locks), and touches a page or two of it: so a large run of frames is mapped
 * page by page, when touched. */
#include "foreign.h"

#include "gfn.h"
#include "hypercall.h"

#include <nub/errno.h>
#include <nub/list.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/slab.h>

#include <xen/sched.h>

/* Frames mapped at once, where one page after the other is touched. */
#define WINDOW_MAX 32u
#define SETTLE_BATCH 256u
#define PAGES_MAX (1u << 22)

/* One mapping: frames gfn.. hold the other domain's, where `there` has a bit. */
struct foreign {
	struct list link; /* of those with a promise */
	u64 gfn, theirs;
	u32 n;
	u32 next;    /* page behind the last one that a touch has mapped */
	u32 window;  /* how many it has mapped */
	domid_t dom; /* DOMID_INVALID: nothing was promised */
	u64 there[];
};

static struct list promised = LIST_INIT(promised);
/* For frames that are not there: RAM that a guest has given back, or never had. */
static u8 nowhere[PAGE_SIZE] __aligned(4096);

static bool is_there(const struct foreign *m, u32 page)
{
	return m->there[page / 64] >> page % 64 & 1;
}

static void set_there(struct foreign *m, u32 page)
{
	m->there[page / 64] |= 1UL << page % 64;
}

/* How many pages from this one on, `most` at most, are there or not, as the first is. */
static u32 run_of(const struct foreign *m, u32 page, u32 most)
{
	bool there = is_there(m, page);
	u32 n = 1;

	while (n < most && page + n < m->n && is_there(m, page + n) == there)
		n++;
	return n;
}

/* Maps n promised frames from page on; errs[i] as of foreign_map(). */
static void keep_promise(struct foreign *m, u32 page, u32 n, int *errs)
{
	static xen_pfn_t frames[SETTLE_BATCH];

	for (u32 i = 0; i < n; i++)
		frames[i] = m->theirs + page + i;
	foreign_map(m->dom, frames, m->gfn + page, n, errs);
	for (u32 i = 0; i < n; i++)
		if (!errs[i])
			set_there(m, page + i);
}

static int foreign_fault(struct vma *v, u64 index, bool write, u64 *pfn)
{
	struct foreign *m = v->priv;
	int errs[WINDOW_MAX];
	u64 page = index - v->pgoff;
	u32 n;

	/* A frame that could not be mapped: SIGBUS, as Linux has it. */
	if (!m || page >= m->n || (m->dom == DOMID_INVALID && !is_there(m, (u32)page)))
		return -ENXIO;
	if (!is_there(m, (u32)page)) {
		m->window = page == m->next ? MIN(m->window * 2, WINDOW_MAX) : 1;
		n = run_of(m, (u32)page, m->window);
		/* -ENOENT: a pager has the frame and is told; any other domain may run.
		 */
		while (keep_promise(m, (u32)page, n, errs), errs[0] == -ENOENT)
			xen_sched_op(SCHEDOP_yield, NULL);
		m->next = (u32)page + n;
		if (errs[0]) {
			printk("xen: no frame %#lx of domain %u to be had: error %d\n",
			       m->theirs + page, m->dom, errs[0]);
			*pfn = virt_to_phys(nowhere) >> PAGE_SHIFT;
			return 0;
		}
		foreign_show(v, (u32)page, n, errs);
	}
	*pfn = m->gfn + page;
	return 0;
}

static void foreign_close(struct vma *v)
{
	struct foreign *m = v->priv;

	if (!m)
		return;
	for (u32 i = 0, n; i < m->n; i += n) {
		n = run_of(m, i, m->n);
		if (is_there(m, i))
			foreign_unmap(m->gfn + i, n);
	}
	list_del(&m->link);
	gfn_free(m->gfn, m->n);
	kfree(m);
	v->priv = NULL;
}

static const struct vma_ops foreign_ops = {
	.fault = foreign_fault,
	.close = foreign_close,
};

void foreign_init(struct vma *v)
{
	v->flags |= VM_PFN | VM_FIXED_SIZE | VM_DONTFORK;
	v->ops = &foreign_ops;
	v->priv = NULL;
}

/* The frame numbers of a mapping that has none yet. */
static int make(struct vma *v)
{
	u64 pages = (v->end - v->start) >> PAGE_SHIFT;
	struct foreign *m;

	if (pages > PAGES_MAX)
		return -ENOMEM;
	m = kzalloc(sizeof(*m) + ALIGN_UP(pages, 64UL) / 8);
	if (!m)
		return -ENOMEM;
	m->n = (u32)pages;
	m->dom = DOMID_INVALID;
	list_init(&m->link);
	m->gfn = gfn_alloc(m->n);
	if (!m->gfn) {
		printk("xen: no frame numbers left for %u foreign pages\n", m->n);
		kfree(m);
		return -ENOMEM;
	}
	v->priv = m;
	return 0;
}

struct vma *foreign_find(u64 addr, u64 n, u32 *first)
{
	struct vma *v = vma_find(current->proc->mm, addr);
	struct foreign *m;
	int err;

	if (addr & (PAGE_SIZE - 1) || !n || !v || v->ops != &foreign_ops ||
	    v->start > addr || n > (v->end - addr) >> PAGE_SHIFT)
		return ERR_PTR(-EINVAL);
	err = v->priv ? 0 : make(v);
	if (err)
		return ERR_PTR(err);
	m = v->priv;
	*first = (u32)((addr - v->start) >> PAGE_SHIFT);
	if (m->dom != DOMID_INVALID)
		return ERR_PTR(-EINVAL);
	for (u32 i = *first; i < *first + n; i++)
		if (is_there(m, i))
			return ERR_PTR(-EINVAL);
	return v;
}

u64 foreign_gfn(const struct vma *v)
{
	const struct foreign *m = v->priv;

	return m->gfn;
}

int foreign_show(struct vma *v, u32 first, u32 n, const int *errs)
{
	struct foreign *m = v->priv;

	for (u32 i = 0; i < n; i++) {
		u32 page = first + i;
		int err;

		if (errs && errs[i])
			continue;
		set_there(m, page);
		err = mm_insert_pfn(current->proc->mm, v, v->start + page * PAGE_SIZE,
				    m->gfn + page, v->flags & VM_WRITE);
		if (err)
			return err;
	}
	return 0;
}

void foreign_promise(struct vma *v, domid_t dom, u64 theirs)
{
	struct foreign *m = v->priv;

	m->dom = dom;
	m->theirs = theirs;
	m->next = m->n;
	list_add(&promised, &m->link);
}

void foreign_settle(void)
{
	static int errs[SETTLE_BATCH];
	struct foreign *m;

	list_for_each(m, &promised, link)
	{
		for (u32 i = 0, n; i < m->n; i += n) {
			n = run_of(m, i, SETTLE_BATCH);
			if (!is_there(m, i))
				keep_promise(m, i, n, errs);
		}
	}
}
