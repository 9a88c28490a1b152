/* SPDX-License-Identifier: MIT */
/* A hostile back end's side of grants, events and xenbus, for one front end driver. */
#include "backend.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <nub/page.h>

#include "../../../kernel/xen/event.h"
#include "../../../kernel/xen/grant.h"
#include "../../../kernel/xen/idle.h"
#include "../../../kernel/xen/xenbus.h"

enum { REFS = 4096, PORT = 5 };

bool backend_keeps, backend_online = true;
unsigned backend_has, backend_kept, backend_kicks;
unsigned long backend_number;
char backend_written[32];
const char *(*backend_text)(const char *path);

static struct {
	struct page *page; /* NULL: free */
	bool kept;
} refs[REFS];
static event_handler handler;
static void *handler_arg;

void backend_event(void)
{
	handler(PORT, handler_arg);
}

void *backend_page(uint32_t ref)
{
	assert(ref < REFS && refs[ref].page);
	return page_to_virt(refs[ref].page);
}

void backend_lets_go(void)
{
	backend_keeps = false;
	for (unsigned i = 0; i < REFS; i++) {
		if (!refs[i].kept)
			continue;
		page_put(refs[i].page);
		refs[i].page = NULL;
		refs[i].kept = false;
		backend_kept--;
		backend_has--;
	}
}

grant_ref_t grant_access(domid_t dom, u64 pfn, bool readonly)
{
	for (unsigned i = 8; i < REFS; i++) {
		if (refs[i].page)
			continue;
		refs[i].page = (struct page *)(uintptr_t)pfn;
		backend_has++;
		return i;
	}
	return 0;
}

bool grant_end(grant_ref_t ref)
{
	assert(refs[ref].page && !refs[ref].kept);
	if (backend_keeps)
		return false;
	refs[ref].page = NULL;
	backend_has--;
	return true;
}

void grant_end_page(grant_ref_t ref, struct page *p, const void *owner)
{
	assert(refs[ref].page == p);
	if (grant_end(ref)) {
		page_put(p);
		return;
	}
	refs[ref].kept = true;
	backend_kept++;
}

unsigned grant_held(const void *owner)
{
	return backend_kept;
}

int event_alloc_unbound(domid_t dom, event_handler fn, void *arg)
{
	handler = fn;
	handler_arg = arg;
	return PORT;
}

void event_close(u32 port)
{
}

int event_notify(u32 port)
{
	return 0;
}

void event_notify_soon(u32 port)
{
}

void event_send_now(void)
{
}

void event_wait(u32 port, u64 when)
{
	backend_event();
}

void xenbus_read_nodes(struct xenbus_device *d, struct store_node *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		list[i].value = backend_number;
}

u64 xenbus_read_other(struct xenbus_device *d, const char *name, u64 otherwise)
{
	return backend_number;
}

int xenbus_write(struct xenbus_device *d, const char *name, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(backend_written, sizeof(backend_written), fmt, args);
	va_end(args);
	return 0;
}

void xenbus_set_state(struct xenbus_device *d, enum xenbus_state state)
{
	d->state = state;
}

bool xenbus_online(struct xenbus_device *d)
{
	return backend_online;
}

void xenbus_kick(struct xenbus_device *d)
{
	backend_kicks++;
}

int store_read(const char *path, char *value, size_t size)
{
	const char *text = backend_text ? backend_text(path) : NULL;

	if (!text)
		return -ENOENT;
	strncpy(value, text, size);
	value[size - 1] = '\0';
	return 0;
}
