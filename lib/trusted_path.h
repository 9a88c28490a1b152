/* SPDX-License-Identifier: MIT */
/* Finds a file by its name, and says who else could make the name mean another file. */
#ifndef STUBDOM_TRUSTED_PATH_H
#define STUBDOM_TRUSTED_PATH_H

#include <stdbool.h>

#include "err.h"

/* "Others" are the users that are neither root nor ourselves. */
struct trusted_path {
	int dir;	/* O_PATH: the folder in which `name` is looked up */
	char name[256]; /* the last part */
	bool foreign;	/* others can put another file under the name, now or later */
	bool sticky;	/* others can put a file there if there is none (/tmp) */
	char weak
		[256]; /* foreign: the first folder that they can change, its name only */
};

/*
 * Follows every part but the last, one by one, from / or from the working directory.  A
 * symbolic link is followed only if it is root's or ours.  `follow`: also the last part,
 * while it is such a link, and not one of /proc.  The caller closes `dir`.  ERR_HOST names the part.
 */
int trusted_path_open(const char *path, bool follow, struct trusted_path *out,
		      struct err *err);

/*
 * Whether only root can change the file or folder, and the meaning of its name.  ERR_HOST
 * says which part others can change, with the remedy.
 */
int trusted_path_check(const char *path, struct err *err);

/* Whether only root can change the open file or folder; `path` is for the message. */
int trusted_path_check_open(int fd, const char *path, struct err *err);

#endif
