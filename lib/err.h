/* SPDX-License-Identifier: MIT */
/* One-line errors for host code, built from the inside out. */
#ifndef STUBDOM_ERR_H
#define STUBDOM_ERR_H

#include <stddef.h>

/*
 * An error as one line a person can act on: what failed, on what, why, and what to do.
 * `code` is the exit status a program should end with (enum err_code).  A struct err is
 * plain memory: nothing to free.
 */
struct err {
	int code;
	char msg[1024];
};

/* Exit statuses of stubdom-dm and stubdom, with their meaning for people. */
#define ERR_CODES(X)                                                                     \
	X(NONE, 0, "done")                                                               \
	X(USAGE, 2, "usage, or an argument that cannot be carried")                      \
	X(HOST, 3, "dom0 failed: Xen, libxl, xenstore, a file, the image")               \
	X(STUB, 4, "the stub domain failed: it reported it, died, or took too long")     \
	X(GUEST, 5, "the guest does not exist or is gone")

enum err_code {
#define X(id, status, meaning) ERR_##id = (status),
	ERR_CODES(X)
#undef X
};

/* Sets the error and returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set, with ": strerror(errno_value)" after the text. */
int err_errno(struct err *err, int code, int errno_value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "text: " before the message that is there; returns -1. */
int err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
