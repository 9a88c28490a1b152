/* SPDX-License-Identifier: MIT */
/* Short forms of libxenstore calls: formatted paths, errors as one line. */
#ifndef STUBDOM_XENSTORE_UTIL_H
#define STUBDOM_XENSTORE_UTIL_H

#include <stdbool.h>
#include <xenstore.h>

#include "err.h"

#define XENSTORE_PATH_MAX 512 /* enough for every path of ours; longer ones fail */

/*
 * Reads a node; the caller frees it.  NULL: it is not there or cannot be read
 * (errno).  At most XENSTORE_PAYLOAD_MAX bytes, always NUL-terminated; what
 * another domain wrote may hold any byte.
 */
char *xenstore_read(struct xs_handle *xs, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether the node is there. */
bool xenstore_exists(struct xs_handle *xs, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

int xenstore_write(struct xs_handle *xs, struct err *err, const char *value,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Makes an empty node that domain `owner` may change, and nobody else but dom0. */
int xenstore_mkdir_owned(struct xs_handle *xs, struct err *err, unsigned owner,
			 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Removes a node and all below it; not being there is no error. */
void xenstore_remove(struct xs_handle *xs, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
