/* SPDX-License-Identifier: MIT */
/* Mappings of /dev/xen/privcmd. QEMU maps a guest's memory a mebibyte at a time. It maps
 * some pieces anew for each request of a device (xen-mapcache.c: a piece that another
 * size of mapping locks). It touches a page or two of each. So a large run of frames is
 * mapped page by page, when touched, and the runs that were unmapped last are kept. */
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
#include <nub/string.h>
#include <nub/uaccess.h>

#include <xen/hvm/ioreq.h>
#include <xen/sched.h>

/* Frames mapped at once, where one page after the other is touched. */
#define WINDOW_MAX 32u
#define SETTLE_BATCH 256u
#define PAGES_MAX (1u << 22)
/* Of kept mappings: up to KEPT_WAYS for each KEPT_SETS-th mebibyte. Xen's tables for all
 * of them take half a mebibyte of the two that a stub domain has to spare
 * (launcher/domain/create.c: paging_memory). */
#define KEPT_SETS 64u
#define KEPT_WAYS 4u
#define KEPT_RUN 256u /* frames of each, at most */

/* One mapping: frames gfn.. hold the other domain's, where `there` has a bit. */
struct foreign {
	struct list link; /* of those with a promise */
	struct vma *v;	  /* these: where the program has it */
	struct mm *mm;
	u64 gfn, theirs;
	u32 n;
	u32 next;    /* page behind the last one that a touch has mapped */
	u32 window;  /* how many it has mapped */
	u32 era;     /* in which it was promised */
	domid_t dom; /* DOMID_INVALID: nothing was promised */
	u64 there[];
};

static struct list promised = LIST_INIT(promised);
/* Unmapped, and still right; of a set the last one first. */
static struct foreign *kept[KEPT_SETS][KEPT_WAYS];
static u32 n_kept;
/* Ends when frame numbers come to mean something else; older promises are not kept behind
 * that. */
static u32 era;
/* The page in which the program sees its target's requests (Xen's hvm/ioreq.h: struct
 * shared_iopage). By one of them Xen says that frame numbers mean something else now. A
 * program that does not look there cannot keep anything. */
static struct {
	struct mm *mm; /* NULL: nobody sees any */
	struct foreign *page;
	u64 addr;
} requests;
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

/* The number of pages from this one on, `most` at most, that are there or not, as the
 * first is. */
static u32 run_of(const struct foreign *m, u32 page, u32 most)
{
	bool there = is_there(m, page);
	u32 n = 1;

	while (n < most && page + n < m->n && is_there(m, page + n) == there)
		n++;
	return n;
}

static void unmap_frames(struct foreign *m)
{
	for (u32 i = 0, n; i < m->n; i += n) {
		n = run_of(m, i, m->n);
		if (is_there(m, i))
			gfn_unmap(m->gfn + i, n);
	}
}

static void drop(struct foreign *m)
{
	unmap_frames(m);
	list_del(&m->link);
	gfn_free(m->gfn, m->n);
	kfree(m);
}

static struct foreign **kept_set(u64 theirs)
{
	return kept[theirs / KEPT_RUN % KEPT_SETS];
}

static void keep(struct foreign *m)
{
	struct foreign **set = kept_set(m->theirs), *last = set[KEPT_WAYS - 1];

	list_del(&m->link);
	memmove(set + 1, set, (KEPT_WAYS - 1) * sizeof(*set));
	set[0] = m;
	if (last)
		drop(last);
	else
		n_kept++;
}

/* The same run as it was when it was unmapped, or NULL. */
static struct foreign *take_kept(domid_t dom, u64 theirs, u32 n)
{
	struct foreign **set = kept_set(theirs);

	for (u32 i = 0; i < KEPT_WAYS && set[i]; i++) {
		struct foreign *m = set[i];

		if (m->theirs != theirs || m->n != n || m->dom != dom)
			continue;
		memmove(set + i, set + i + 1, (KEPT_WAYS - 1 - i) * sizeof(*set));
		set[KEPT_WAYS - 1] = NULL;
		n_kept--;
		return m;
	}
	return NULL;
}

static void drop_kept(void)
{
	for (u32 i = 0; n_kept && i < KEPT_SETS; i++) {
		for (u32 k = 0; k < KEPT_WAYS && kept[i][k]; k++) {
			drop(kept[i][k]);
			kept[i][k] = NULL;
			n_kept--;
		}
	}
}

static void end_era(void)
{
	era++;
	drop_kept();
}

/* Is promised anew: each page is mapped again when it is touched. */
static void renew(struct foreign *m)
{
	mm_zap(m->mm, m->v, m->v->start, m->v->end);
	unmap_frames(m);
	memset(m->there, 0, ALIGN_UP((u64)m->n, 64UL) / 8);
	m->next = m->n;
	m->era = era;
}

/* Maps n promised frames from page on; errs[i] as of gfn_map(). */
static void keep_promise(struct foreign *m, u32 page, u32 n, int *errs)
{
	static xen_pfn_t frames[SETTLE_BATCH];

	for (u32 i = 0; i < n; i++)
		frames[i] = m->theirs + page + i;
	gfn_map(m->dom, frames, m->gfn + page, n, errs);
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
	m->window = page == m->next ? MIN(m->window * 2, WINDOW_MAX) : 1;
	n = run_of(m, (u32)page, m->window);
	m->next = (u32)page + n;
	if (is_there(m, (u32)page)) {
		foreign_show(v, (u32)page, n, NULL);
	} else {
		/*
		 * -ENOENT: a pager has the frame and is told; any other domain may
		 * run.
		 */
		while (keep_promise(m, (u32)page, n, errs), errs[0] == -ENOENT)
			xen_sched_op(SCHEDOP_yield, NULL);
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

static bool sees_requests(void)
{
	return requests.mm && requests.mm == current->proc->mm;
}

static void foreign_close(struct vma *v)
{
	struct foreign *m = v->priv;

	if (!m)
		return;
	v->priv = NULL;
	if (m == requests.page) {
		end_era();
		requests.mm = NULL;
		requests.page = NULL;
	}
	if (m->dom != DOMID_INVALID && m->era == era && m->n <= KEPT_RUN &&
	    sees_requests())
		keep(m);
	else
		drop(m);
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
	if (!m->gfn && n_kept) {
		drop_kept();
		m->gfn = gfn_alloc(m->n);
	}
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
	struct foreign *old = take_kept(dom, theirs, m->n);

	if (old) {
		drop(m);
		v->priv = m = old;
	}
	m->v = v;
	m->mm = current->proc->mm;
	m->era = era;
	m->dom = dom;
	m->theirs = theirs;
	m->next = m->n;
	list_add(&promised, &m->link);
}

void foreign_settle(void)
{
	static int errs[SETTLE_BATCH];
	struct foreign *m;

	end_era();
	list_for_each(m, &promised, link) {
		for (u32 i = 0, n; i < m->n; i += n) {
			n = run_of(m, i, SETTLE_BATCH);
			if (!is_there(m, i))
				keep_promise(m, i, n, errs);
		}
	}
}

void foreign_requests(struct vma *v, u32 page)
{
	end_era();
	requests.mm = current->proc->mm;
	requests.page = v->priv;
	requests.addr = v->start + page * PAGE_SIZE;
}

void foreign_answered(void)
{
	/* The part of one virtual CPU's request that is looked at. */
	struct {
		u32 vp_eport;
		u16 pad;
		u8 state, type;
	} slot;
	const u64 slots = PAGE_SIZE / sizeof(struct ioreq);
	const u32 ended = era;
	struct foreign *m;

	if ((!n_kept && list_empty(&promised)) || !sees_requests())
		return;
	for (u64 i = 0; i < slots; i++) {
		const u64 at = requests.addr + i * sizeof(struct ioreq);

		if (copy_from_user(&slot, (void *)(at + offsetof(struct ioreq, vp_eport)),
				   sizeof(slot)))
			break;
		if (!slot.vp_eport) /* no such CPU */
			return;
		if (slot.type == IOREQ_TYPE_INVALIDATE &&
		    (slot.state & 0xf) == STATE_IORESP_READY)
			break;
	}
	end_era();
	/* QEMU has unmapped its idle mappings. A device's rings stay for as long as their
	 * driver, and requests for other memory beside them go through the same
	 * mapping. */
	list_for_each(m, &promised, link)
		if (m->era == ended && m->mm == requests.mm)
			renew(m);
}
