/* SPDX-License-Identifier: MIT */
/* One-line errors for host code, built from the inside out. */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clean.h"

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	/* A message may quote another domain's or a caller's bytes. */
	clean_string(err->msg);
	return -1;
}

int err_errno(struct err *err, int code, int errno_value, const char *fmt, ...)
{
	char text[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, code, "%s: %s", text, strerror(errno_value));
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->msg)];
	char old[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(old, err->msg, sizeof(old));
	return err_set(err, err->code, "%s: %s", text, old);
}
