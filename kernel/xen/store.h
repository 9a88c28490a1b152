/* SPDX-License-Identifier: MIT */
/* Xenstore for the kernel's own use: blocking calls and watches with call-backs. */
#ifndef NUB_XEN_STORE_H
#define NUB_XEN_STORE_H

#include "xs_mux.h"

#include <nub/types.h>

extern struct xs_mux xen_store; /* clients join it by xs_client_init */

/* Sends the clients' queued messages and takes those that have come. */
void store_pump(void);

/*
 * From threads only: they sleep until the answer, a few seconds at most. Paths are
 * relative to the domain's own. 0 or negative errno (what xenstored said).
 */
int store_read(const char *path, char *value, size_t size);
int store_read_u64(const char *path, u64 *v);
int store_write(const char *path, const char *value);
/* Asks for several nodes of a directory at once. */
#define STORE_NODES_MAX 12u
struct store_node {
	const char *name;
	u64 value; /* left alone if there is no such node, or no number in it */
	/* If not NULL, receives the node's text (cut to `size`); left alone if there is no
	 * such node. */
	char *text;
	size_t size;
};
void store_read_nodes(const char *dir, struct store_node *list, unsigned n);
/* Writes, and does not wait for the answer: xenstored takes one connection's requests in
 * their order. A refusal is printed. */
int store_post(const char *path, const char *value);
/* Calls fn for each name in a directory, until it returns non-zero, which is returned. */
int store_list(const char *path, int (*fn)(const char *name, void *arg), void *arg);

/* Calls fn from interrupt context when something at or below path may have changed, and
 * once at the start; does not wait for the answer. The watch must stay where it is until
 * store_unwatch. */
struct store_watch {
	struct list link;
	u32 id;
	void (*fn)(struct store_watch *w);
	char path[64];
};
int store_watch(struct store_watch *w, const char *path,
		void (*fn)(struct store_watch *w));
void store_unwatch(struct store_watch *w);

#endif
