/* SPDX-License-Identifier: MIT */
/* The mapping table of an address space: a sorted array, because there are a few hundred
 * entries and look-ups outnumber changes by far. */
#include "vma.h"

#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/errno.h>
#include <nub/panic.h>
#include <nub/slab.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/vfs.h>

#define VMA_MAX 65530

struct list mm_list = LIST_INIT(mm_list);

unsigned vma_find_index(struct mm *mm, u64 addr)
{
	unsigned lo = 0, hi = mm->count;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (mm->vmas[mid]->end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

struct vma *vma_find(struct mm *mm, u64 addr)
{
	unsigned i = mm->found;

	if (i < mm->count && mm->vmas[i]->start <= addr && addr < mm->vmas[i]->end)
		return mm->vmas[i];
	i = vma_find_index(mm, addr);
	if (i >= mm->count)
		return NULL;
	mm->found = i;
	return mm->vmas[i];
}

static int table_grow(struct mm *mm)
{
	unsigned room = mm->room ? mm->room * 2 : 64;
	struct vma **t;

	if (mm->count < mm->room)
		return 0;
	if (mm->count >= VMA_MAX)
		return -ENOMEM;
	t = krealloc(mm->vmas, mm->room * sizeof(*t), room * sizeof(*t));
	if (!t)
		return -ENOMEM;
	mm->vmas = t;
	mm->room = room;
	return 0;
}

int vma_insert(struct mm *mm, struct vma *v)
{
	unsigned i;

	if (table_grow(mm))
		return -ENOMEM;
	i = vma_find_index(mm, v->start);
	ASSERT(i == mm->count || mm->vmas[i]->start >= v->end);
	memmove(&mm->vmas[i + 1], &mm->vmas[i], (mm->count - i) * sizeof(v));
	mm->vmas[i] = v;
	mm->count++;
	mm->total += (v->end - v->start) >> PAGE_SHIFT;
	return 0;
}

void vma_remove_at(struct mm *mm, unsigned i)
{
	struct vma *v = mm->vmas[i];

	mm->total -= (v->end - v->start) >> PAGE_SHIFT;
	mm->count--;
	memmove(&mm->vmas[i], &mm->vmas[i + 1], (mm->count - i) * sizeof(v));
}

void vma_free(struct vma *v)
{
	if (v->ops && v->ops->close)
		v->ops->close(v);
	if (v->file)
		file_put(v->file);
	kfree(v);
}

int vma_split_at(struct mm *mm, u64 addr)
{
	struct vma *v = vma_find(mm, addr), *low;
	u64 pages;

	if (!v || v->start >= addr)
		return 0;
	if (v->flags & VM_FIXED_SIZE || vma_single(v))
		return -EINVAL;
	if (table_grow(mm))
		return -ENOMEM;
	low = kmalloc(sizeof(*low));
	if (!low)
		return -ENOMEM;
	*low = *v;
	low->end = addr;
	if (low->file)
		file_get(low->file);
	if (low->ops && low->ops->open)
		low->ops->open(low);
	pages = (addr - v->start) >> PAGE_SHIFT;
	mm->total -= pages;
	if (v->ops)
		v->pgoff += pages;
	v->start = addr;
	return vma_insert(mm, low);
}

static bool mergeable(const struct vma *a, const struct vma *b)
{
	if (a->end != b->start || a->flags != b->flags || a->ops != b->ops ||
	    a->file != b->file || a->priv != b->priv)
		return false;
	if (a->flags & (VM_FIXED_SIZE | VM_PFN | VM_STACK))
		return false;
	return !a->ops || a->pgoff + ((a->end - a->start) >> PAGE_SHIFT) == b->pgoff;
}

void vma_merge_range(struct mm *mm, u64 start, u64 end)
{
	unsigned i = vma_find_index(mm, start);

	if (i > 0)
		i--;
	while (i + 1 < mm->count && mm->vmas[i]->start <= end) {
		struct vma *a = mm->vmas[i], *b = mm->vmas[i + 1];

		if (!mergeable(a, b)) {
			i++;
			continue;
		}
		vma_remove_at(mm, i + 1);
		mm->total += (b->end - b->start) >> PAGE_SHIFT;
		a->end = b->end;
		vma_free(b);
	}
}

void pte_walk(struct mm *mm, u64 start, u64 end,
	      void (*fn)(u64 *pte, u64 addr, void *arg), void *arg)
{
	u64 addr = start;

	while (addr < end) {
		u64 next = ALIGN_DOWN(addr, SIZE_2M) + SIZE_2M;
		u64 *slot = pt_slot(mm->pml4, addr, false);

		if (!slot) {
			addr = pt_skip(mm->pml4, addr);
			continue;
		}
		next = MIN(next, end);
		for (; addr < next; addr += PAGE_SIZE, slot++)
			if (*slot)
				fn(slot, addr, arg);
	}
}

struct mm *mm_create(void)
{
	struct mm *mm = kzalloc(sizeof(*mm));

	if (!mm)
		return NULL;
	mm->refs = 1;
	mm->stack_max = mm->total_max = ~0UL;
	mm->pml4 = pgtable_create();
	if (!mm->pml4) {
		kfree(mm);
		return NULL;
	}
	list_add_tail(&mm_list, &mm->link);
	return mm;
}

void mm_set_limits(struct mm *mm, u64 stack, u64 space)
{
	mm->stack_max = stack;
	mm->total_max = space >> PAGE_SHIFT;
}

void mm_put(struct mm *mm)
{
	if (--mm->refs)
		return;
	list_del(&mm->link);
	if (pgtable_active == mm->pml4)
		pgtable_activate(kernel_pml4);
	for (unsigned i = 0; i < mm->count; i++) {
		mm_zap(mm, mm->vmas[i], mm->vmas[i]->start, mm->vmas[i]->end);
		vma_free(mm->vmas[i]);
	}
	kfree(mm->vmas);
	pgtable_destroy(mm->pml4);
	kfree(mm);
}

struct fork_arg {
	struct mm *to;
	struct vma *v;
	int err;
};

static void fork_pte(u64 *pte, u64 addr, void *arg)
{
	struct fork_arg *f = arg;
	u64 *slot;

	if (f->err)
		return;
	slot = pt_slot(f->to->pml4, addr, true);
	if (!slot) {
		f->err = -ENOMEM;
		return;
	}
	if (!(f->v->flags & VM_SHARED))
		*pte &= ~PTE_W;
	if (!(*pte & PTE_NOREF))
		page_get(pfn_to_page(pte_pfn(*pte)));
	*slot = *pte;
	f->to->rss++;
}

struct mm *mm_fork(struct mm *from)
{
	struct mm *to = mm_create();
	struct fork_arg f = {.to = to};

	if (!to)
		return NULL;
	smp_park(from->pml4);
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->mmap_base = from->mmap_base;
	to->stack_top = from->stack_top;
	to->vdso = from->vdso;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->barriers = from->barriers;
	to->stack_max = from->stack_max;
	to->total_max = from->total_max;
	for (unsigned i = 0; i < from->count && !f.err; i++) {
		struct vma *v = from->vmas[i], *n;

		if (v->flags & VM_DONTFORK || vma_single(v))
			continue;
		n = kmalloc(sizeof(*n));
		if (!n) {
			f.err = -ENOMEM;
			break;
		}
		*n = *v;
		if (n->file)
			file_get(n->file);
		if (n->ops && n->ops->open)
			n->ops->open(n);
		f.err = vma_insert(to, n);
		if (f.err) {
			vma_free(n);
			break;
		}
		if (v->flags & VM_WIPEONFORK)
			continue;
		f.v = v;
		pte_walk(from, v->start, v->end, fork_pte, &f);
	}
	tlb_flush_all();
	if (f.err) {
		mm_put(to);
		return NULL;
	}
	return to;
}
