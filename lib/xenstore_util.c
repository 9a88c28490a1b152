/* SPDX-License-Identifier: MIT */
/* Short forms of libxenstore calls: formatted paths, errors as one line. */
#include "xenstore_util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool format_path(char path[XENSTORE_PATH_MAX], const char *fmt, va_list ap)
{
	int n = vsnprintf(path, XENSTORE_PATH_MAX, fmt, ap);

	if (n >= 0 && n < XENSTORE_PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

#define FORMAT_PATH(path, ok)                                                            \
	do {                                                                             \
		va_list ap_;                                                             \
		va_start(ap_, fmt);                                                      \
		ok = format_path(path, fmt, ap_);                                        \
		va_end(ap_);                                                             \
	} while (0)

char *xenstore_read(struct xs_handle *xs, const char *fmt, ...)
{
	char path[XENSTORE_PATH_MAX];
	bool ok;

	FORMAT_PATH(path, ok);
	return ok ? xs_read(xs, XBT_NULL, path, NULL) : NULL;
}

bool xenstore_exists(struct xs_handle *xs, const char *fmt, ...)
{
	char path[XENSTORE_PATH_MAX];
	void *value;
	bool ok;

	FORMAT_PATH(path, ok);
	value = ok ? xs_read(xs, XBT_NULL, path, NULL) : NULL;
	free(value);
	return value != NULL;
}

int xenstore_write(struct xs_handle *xs, struct err *err, const char *value,
		   const char *fmt, ...)
{
	char path[XENSTORE_PATH_MAX];
	bool ok;

	FORMAT_PATH(path, ok);
	if (!ok || !xs_write(xs, XBT_NULL, path, value, (unsigned)strlen(value)))
		return err_errno(err, ERR_HOST, errno, "xenstore: writing %s", path);
	return 0;
}

int xenstore_mkdir_owned(struct xs_handle *xs, struct err *err, unsigned owner,
			 const char *fmt, ...)
{
	struct xs_permissions perms = {.id = owner, .perms = XS_PERM_NONE};
	char path[XENSTORE_PATH_MAX];
	bool ok;

	FORMAT_PATH(path, ok);
	if (!ok || !xs_mkdir(xs, XBT_NULL, path) ||
	    !xs_set_permissions(xs, XBT_NULL, path, &perms, 1))
		return err_errno(err, ERR_HOST, errno, "xenstore: making %s", path);
	return 0;
}

void xenstore_remove(struct xs_handle *xs, const char *fmt, ...)
{
	char path[XENSTORE_PATH_MAX];
	bool ok;

	FORMAT_PATH(path, ok);
	if (ok)
		xs_rm(xs, XBT_NULL, path);
}
