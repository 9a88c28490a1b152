/* SPDX-License-Identifier: MIT */
/* The folder of crash evidence: one folder a death, named by guest and time, bounded. */
#ifndef STUBDOM_CRASH_DIR_H
#define STUBDOM_CRASH_DIR_H

#include <stddef.h>
#include <time.h>

#include "err.h"

/* More are not kept; the oldest go first. */
enum { CRASH_DIR_MAX = 50, CRASH_DIR_GUEST_MAX = 5, CRASH_DIR_CORES_MAX = 4 };

/* The files of one piece of evidence; all but the first may be missing. */
#define CRASH_FILE_FACTS                                                                 \
	"crash.json"	     /* schema/crashes.schema.json: an item without files */
#define CRASH_FILE_LOG "log" /* the end of the log */
#define CRASH_FILE_PLAN "plan.json"
#define CRASH_FILE_CONTRACT "boot.json"
#define CRASH_FILE_KERNEL "kernel" /* the kernel's report, with its backtrace */
#define CRASH_FILE_CORE "core"	   /* the stub domain's memory, if it was asked for */

/* "GUEST-20260131T120000Z", and ".1" to ".9" behind it for more in one second. */
enum { CRASH_NAME_MAX = 160, CRASH_CORE_NAME_MAX = 32 };

struct crash_dir {
	int fd;	      /* the folder */
	char **names; /* oldest first */
	size_t n;
};

/*
 * Opens the folder and reads its names; other entries are passed over.  A folder that is
 * missing has none, and fd is -1.  ERR_HOST: it cannot be read, or others may write to
 * it.  crash_dir_close releases all.
 */
int crash_dir_open(struct crash_dir *dir, const char *path, struct err *err);
void crash_dir_close(struct crash_dir *dir);

/* The guest's name with what a file's name cannot have as '_'. */
void crash_dir_name_guest(const char *guest, char out[CRASH_NAME_MAX]);

/* A core's name in the folder until it is moved to its evidence. */
void crash_dir_name_core(unsigned guest_domid, char out[CRASH_CORE_NAME_MAX]);

/* Deaths of this guest at or after `since`. */
unsigned crash_dir_count(const struct crash_dir *dir, const char *guest, time_t since);

/* Makes the folder if it is missing.  ERR_HOST: it cannot be made, or is not root's alone. */
int crash_dir_make(const char *path, struct err *err);

/*
 * Begins new evidence: makes and locks the folder at `path`, and makes a folder ".new" in
 * it.  Returns that folder's descriptor, -1 with err set.  crash_dir_close releases the
 * lock.
 */
int crash_dir_begin(struct crash_dir *dir, const char *path, struct err *err);

/*
 * Gives ".new" its name, which out gets, once the oldest evidence has made room for it.
 * With a core it takes the place of the oldest cores.
 * It is removed when that fails.
 */
int crash_dir_commit(struct crash_dir *dir, const char *guest, time_t when,
		     char out[CRASH_NAME_MAX], struct err *err);

/* Removes ".new" with what is in it, instead of crash_dir_commit. */
void crash_dir_abandon(struct crash_dir *dir);

#endif
