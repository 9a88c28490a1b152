/* SPDX-License-Identifier: MIT */
/* Making and freeing threads: stack with guard pages, FPU image, identity. */
#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <arch/regs.h>
#include <nub/errno.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/string.h>

#define STACK_PAGES (KSTACK_SIZE / PAGE_SIZE)

void kthread_run(void);
void (*thread_user_start)(void);
void thread_start_kernel(void);

static void stack_free(u8 *stack)
{
	for (u64 i = 0; i < STACK_PAGES; i++) {
		u64 va = (u64)stack + i * PAGE_SIZE;
		u64 *slot = pt_slot(kernel_pml4, va, false);

		if (!slot || !*slot)
			continue;
		page_free(pfn_to_page((*slot & PTE_ADDR) >> PAGE_SHIFT), 0);
		page_stats.stacks--;
		kunmap_page(va);
	}
	vmap_release((u64)stack, STACK_PAGES);
}

static u8 *stack_alloc(void)
{
	u64 va = vmap_reserve(STACK_PAGES);

	if (!va)
		return NULL;
	for (u64 i = 0; i < STACK_PAGES; i++) {
		struct page *p = page_alloc(0, 0);

		if (!p || kmap_page(va + i * PAGE_SIZE, page_to_phys(p),
				    PTE_W | PTE_NX | PTE_G)) {
			if (p)
				page_free(p, 0);
			stack_free((u8 *)va);
			return NULL;
		}
		page_stats.stacks++;
	}
	return (u8 *)va;
}

struct thread *thread_alloc(struct process *proc, const char *comm)
{
	struct thread *t = kzalloc(sizeof(*t));
	u64 *sp;

	if (!t)
		return NULL;
	list_init(&t->run);
	list_init(&t->link);
	sigpending_init(&t->sig.pending);
	timer_init(&t->timer, NULL);
	t->proc = proc;
	t->state = THREAD_BLOCKED;
	t->sig.alt_flags = SS_DISABLE;
	t->cpus = 0xff;
	t->idle_on = -1;
	strlcpy(t->comm, comm, sizeof(t->comm));
	if (timer_reserve()) {
		kfree(t);
		return NULL;
	}
	t->kstack = stack_alloc();
	/*
	 * XSAVE wants 64-byte alignment: images of whole pages or powers of two
	 * have it.
	 */
	t->fpu = proc ? kmalloc(MAX(fpu_size(), PAGE_SIZE)) : NULL;
	if (!t->kstack || (proc && !t->fpu)) {
		thread_free(t);
		return NULL;
	}
	if (proc)
		fpu_reset(t->fpu);
	sp = proc ? (u64 *)thread_regs(t) : (u64 *)(t->kstack + KSTACK_SIZE - 16);
	*--sp = proc ? (u64)thread_user_start : (u64)thread_start_kernel;
	for (int i = 0; i < 6; i++)
		*--sp = 0;
	t->ksp = (u64)sp;
	return t;
}

void thread_free(struct thread *t)
{
	sigpending_flush(&t->sig.pending, ~0ULL);
	timer_cancel(&t->timer);
	timer_release();
	if (t->kstack)
		stack_free(t->kstack);
	kfree(t->fpu);
	kfree(t);
}

struct regs *thread_regs(const struct thread *t)
{
	return (struct regs *)(t->kstack + KSTACK_SIZE) - 1;
}

void kthread_run(void)
{
	current->kfn(current->karg);
	thread_exit_switch();
}

struct thread *kthread_create(void (*fn)(void *), void *arg, const char *name)
{
	struct thread *t = thread_alloc(NULL, name);

	if (!t)
		return NULL;
	t->kfn = fn;
	t->karg = arg;
	thread_start(t);
	return t;
}
