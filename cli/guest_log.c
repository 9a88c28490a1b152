/* SPDX-License-Identifier: MIT */
/* Where a guest's log is. */
#include "guest_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_DIR "/var/log/xen" /* where libxl puts a device model's log */

/* A guest that is gone has no record; its log is where libxl put it. */
int guest_log_find(const char *name, struct guest *guest, char **out, struct err *err)
{
	*out = NULL;
	if (guest_find(name, guest, err) == 0) {
		const char *at = guest->name ? guest->name : name;

		if (guest->log)
			*out = strdup(guest->log);
		else if (asprintf(out, LOG_DIR "/qemu-dm-%s.log", at) < 0)
			*out = NULL;
		return *out ? 0 : err_set(err, ERR_HOST, "out of memory");
	}
	/* The error that guest_find gave stands unless there is such a log. */
	if (strchr(name, '/') || asprintf(out, LOG_DIR "/qemu-dm-%s.log", name) < 0) {
		*out = NULL;
		return -1;
	}
	return access(*out, R_OK);
}
