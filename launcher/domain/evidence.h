/* SPDX-License-Identifier: MIT */
/* Keeps the evidence of a stub domain that has died. */
#ifndef STUBDOM_DOMAIN_EVIDENCE_H
#define STUBDOM_DOMAIN_EVIDENCE_H

#include <stdbool.h>

#include "crash_dir.h"
#include "manifest.h"
#include "plan/plan.h"

struct evidence {
	const struct plan *plan;
	const struct manifest *manifest; /* of the image it was started from */
	const char *guest;		 /* its name now: that of the plan may be older */
	const char *why;
	bool running; /* the toolstack had been told that the device model runs */
	enum stubopt_on_crash action; /* running: the fate of the guest */
};

/* Deaths of this guest in the last ten minutes that are kept; -1: they cannot be read. */
int evidence_count_recent(const char *guest);

/*
 * Writes it to STUBDOM_CRASHDIR/<guest>-<time>/ (crash_dir.h), with the end of the log.
 * The relay must have ended: the log has its last lines then.  `name` gets the folder's
 * name; a failure is a line in the log, and "".
 */
void evidence_keep(const struct evidence *evidence, char name[CRASH_NAME_MAX]);

/*
 * The end of a log, which goes back to FILE.old (lib/log_file.h): whole lines, 256 KiB.
 * The caller frees.  NULL: there is none.
 */
char *evidence_read_log(int fd);

/*
 * The kernel's report in a log: its lines from the one that says that it is broken.  The
 * caller frees.  NULL: there is none.
 */
char *evidence_kernel_report(const char *log);

#endif
