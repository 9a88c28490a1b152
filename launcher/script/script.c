/* SPDX-License-Identifier: MIT */
/* The frame of the programs that libxl runs as hot-plug scripts of the stub domain. */
#include "script/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hotplug_main(int argc, char **argv, const char *verb,
		 int (*act)(struct xs_handle *xs, const char *backend, struct err *err))
{
	const char *backend = getenv("XENBUS_PATH");
	struct xs_handle *xs;
	struct err err, ignored;
	int rc = 0;

	if (argc < 2 || !backend) {
		fprintf(stderr, "usage: XENBUS_PATH=... %s %s|... (run by libxl)\n",
			argv[0], verb);
		return ERR_USAGE;
	}
	xs = xs_open(0);
	if (!xs) {
		fprintf(stderr, "%s: cannot connect to xenstored\n", argv[0]);
		return ERR_HOST;
	}
	if (strcmp(argv[1], verb) == 0 && act(xs, backend, &err) < 0) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], backend, err.msg);
		xenstore_write(xs, &ignored, err.msg, "%s/hotplug-error", backend);
		xenstore_write(xs, &ignored, "error", "%s/hotplug-status", backend);
		rc = ERR_HOST;
	}
	xs_close(xs);
	return rc;
}
