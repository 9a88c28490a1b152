/* SPDX-License-Identifier: MIT */
/* The installed image: its manifest, and whether it is whole and up to date. */
#ifndef STUBDOM_IMAGE_H
#define STUBDOM_IMAGE_H

#include <jansson.h>
#include <stddef.h>

#include "err.h"

/* DIR/manifest.json, of the version we know; the caller owns it.  ERR_HOST. */
json_t *image_load(const char *dir, struct err *err);

/*
 * The same of an open folder, `dir` by name.  Its files are this manifest's, although another
 * image may take its place meanwhile.
 */
json_t *image_load_at(int folder, const char *dir, struct err *err);

/* The folder, for the two calls that want it open, or -1 with ERR_HOST. */
int image_open(const char *dir, struct err *err);

/* One line a problem; an empty list: none. */
struct image_problems {
	char **lines;
	size_t n;
};

/*
 * Compares the open folder's files with the manifest: there, of that size, of that SHA-256
 * and root's alone if `deep`.  0 even if there are problems; -1 if it could not be found out.
 */
int image_check_files(const json_t *manifest, int folder, const char *dir, int deep,
		      struct image_problems *problems, struct err *err);

/*
 * Compares the packages that the image was made from with those installed now,
 * by dpkg-query.  -1 with ERR_HOST if this machine has none.
 */
int image_check_packages(const json_t *manifest, struct image_problems *problems,
			 struct err *err);

/*
 * The same against dpkg-query's output, lines "STATUS NAME VERSION
 * ARCH": pure.  A
 * package that is not installed any more is a problem only if it is not in the
 * list with another architecture or version.
 */
int image_compare_packages(const json_t *manifest, const char *installed,
			   struct image_problems *problems, struct err *err);

void image_problems_free(struct image_problems *problems);

#endif
