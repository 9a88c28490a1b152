/* SPDX-License-Identifier: MIT */
/* Kernel heap: single-page slabs by size class; large requests are whole pages. */
#include <nub/list.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/printk.h>
#include <nub/shadow.h>
#include <nub/slab.h>
#include <nub/string.h>

struct slab {
	struct list link; /* in its class's partial list, when it has room */
	u16 class, used;
	u32 spare;
	void *free; /* chain of free objects */
};
_Static_assert(sizeof(struct slab) == 32, "slab header");

/* Multiples of 16; the last ones fill a page with the header. */
static const u16 class_size[] = {32,  48,  64,	96,  128,  192,	 256,
				 336, 448, 576, 800, 1008, 1344, 2032};
#define CLASSES ARRAY_SIZE(class_size)

static struct {
	struct list partial;
	u32 pages, objects;
} classes[CLASSES];

static unsigned class_for(size_t size)
{
	unsigned c = 0;

	while (class_size[c] < size)
		c++;
	return c;
}

static struct slab *slab_create(unsigned c)
{
	struct page *p = page_alloc(0, 0);
	struct slab *s;

	if (!p)
		return NULL;
	p->flags = PG_SLAB;
	page_stats.slab++;
	s = page_to_virt(p);
	s->class = (u16)c;
	s->used = 0;
	s->free = NULL;
	for (u64 off = sizeof(*s); off + class_size[c] <= PAGE_SIZE;
	     off += class_size[c]) {
		void **obj = (void **)((u8 *)s + off);

		*obj = s->free;
		s->free = obj;
	}
	shadow_forbid(s, PAGE_SIZE);
	list_add(&classes[c].partial, &s->link);
	classes[c].pages++;
	return s;
}

static void *large_alloc(size_t size)
{
	unsigned order = 0;
	struct page *p;

	while ((PAGE_SIZE << order) < size)
		if (++order > PAGE_MAX_ORDER)
			return NULL;
	p = page_alloc(order, 0);
	if (!p)
		return NULL;
	page_stats.slab += 1UL << order;
	shadow_forbid(page_to_virt(p), PAGE_SIZE << order);
	shadow_allow(page_to_virt(p), size);
	return page_to_virt(p);
}

void *kmalloc(size_t size)
{
	unsigned c;
	struct slab *s;
	void **obj;

	if (size + SHADOW_GAP > class_size[CLASSES - 1])
		return large_alloc(size);
	c = class_for(size + SHADOW_GAP);
	if (!classes[c].partial.next)
		list_init(&classes[c].partial);
	if (list_empty(&classes[c].partial)) {
		s = slab_create(c);
		if (!s)
			return NULL;
	} else {
		s = list_first(&classes[c].partial, struct slab, link);
	}
	obj = s->free;
	s->free = *obj;
	s->used++;
	classes[c].objects++;
	if (!s->free)
		list_del(&s->link);
	shadow_allow(obj, size);
	return obj;
}

static size_t room_of(const void *ptr)
{
	const struct page *p = virt_to_page(ptr);
	const struct slab *s = (const void *)ALIGN_DOWN((u64)ptr, PAGE_SIZE);

	return p->flags & PG_SLAB ? class_size[s->class] : PAGE_SIZE << p->order;
}

void kfree(void *ptr)
{
	struct page *p;
	struct slab *s;

	if (ptr)
		ptr = shadow_retire(ptr, room_of(ptr));
	if (!ptr)
		return;
	p = virt_to_page(ptr);
	ASSERT(p && !(p->flags & (PG_FREE | PG_FIXED | PG_ANON)));
	if (!(p->flags & PG_SLAB)) {
		page_stats.slab -= 1UL << p->order;
		page_free(p, p->order);
		return;
	}
	s = (struct slab *)ALIGN_DOWN((u64)ptr, PAGE_SIZE);
	ASSERT(((u64)ptr - (u64)s - sizeof(*s)) % class_size[s->class] == 0 && s->used);
	memset(ptr, 0x6b, class_size[s->class]);
	if (!s->free)
		list_add(&classes[s->class].partial, &s->link);
	*(void **)ptr = s->free;
	s->free = ptr;
	s->used--;
	classes[s->class].objects--;
	if (!s->used &&
	    classes[s->class].partial.next->next != &classes[s->class].partial) {
		list_del(&s->link);
		classes[s->class].pages--;
		page_stats.slab--;
		p->flags = 0;
		page_free(p, 0);
	}
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

void *kcalloc(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return kzalloc(total);
}

void *krealloc(void *p, size_t old_size, size_t size)
{
	void *q = kmalloc(size);

	if (q && p) {
		memcpy(q, p, MIN(old_size, size));
		kfree(p);
	}
	return q;
}

char *kstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *d = kmalloc(n);

	if (d)
		memcpy(d, s, n);
	return d;
}

void slab_report(void)
{
	for (unsigned c = 0; c < CLASSES; c++)
		if (classes[c].pages)
			printk("nub:   heap %4u bytes: %u objects in %u pages\n",
			       class_size[c], classes[c].objects, classes[c].pages);
}
