/* SPDX-License-Identifier: MIT */
/*
 * Allocation that ends the program when there is no memory: for code that runs
 * before anything exists that would need tidying up.
 */
#ifndef STUBDOM_XALLOC_H
#define STUBDOM_XALLOC_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *xalloc_check(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

static inline char *xstrdup(const char *s)
{
	return (char *)xalloc_check(strdup(s));
}

static inline char *xstrndup(const char *s, size_t len)
{
	return (char *)xalloc_check(strndup(s, len));
}

/* NULL stays NULL. */
static inline char *xstrdup_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* Room for n + 1 items: lists of strings end with a NULL. */
static inline void *xgrow(void *p, size_t n, size_t size)
{
	return xalloc_check(reallocarray(p, n + 1, size));
}

__attribute__((format(printf, 1, 2))) static inline char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return (char *)xalloc_check(s);
}

#endif
