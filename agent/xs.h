/* SPDX-License-Identifier: MIT */
/* A client of xenstore without threads, over the kernel's /dev/xen/xenbus. */
#ifndef AGENT_XS_H
#define AGENT_XS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * libxenstore starts a thread as soon as something is watched, and PID 1 must not have
 * one.  So this speaks the wire protocol (xen/io/xs_wire.h) itself.  Paths without a
 * leading '/' are relative to the stub domain.  Requests are made in their order, and
 * each is answered within XS_TIMEOUT_MS.  Events that arrive meanwhile are kept.
 */
enum { XS_TIMEOUT_MS = 10000 };

/* Answers that were waited for, and how long. */
struct xs_waits {
	unsigned n;
	int64_t ms;
};

int xs_client_open(struct err *err);

/* Uses a connection that is open already, a non-blocking stream. */
void xs_client_attach(int fd);

/* -1 before xs_client_open. */
int xs_client_fd(void);

struct xs_waits xs_client_waits(void);

int xs_client_write(const char *path, const char *value, struct err *err);

/* Does not wait for the answer, and does not learn of a refusal. */
int xs_client_post(const char *path, const char *value, struct err *err);

/* The value, NUL-terminated, cut at size - 1.  -1 also if there is no such node. */
int xs_client_read(const char *path, char *value, size_t size, struct err *err);

int xs_client_watch(const char *path, const char *token, struct err *err);

/*
 * Takes the next event: 1 with its token, 0 if there is none now, -1 if
 * xenstore is gone.
 */
int xs_client_event(char *token, size_t size);

#endif
