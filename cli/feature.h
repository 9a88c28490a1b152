/* SPDX-License-Identifier: MIT */
/* The abilities of this program and this host, by name, for toolstacks. */
#ifndef STUBDOM_FEATURE_H
#define STUBDOM_FEATURE_H

#include <jansson.h>
#include <stddef.h>

enum feature_state { FEATURE_YES, FEATURE_NO, FEATURE_UNKNOWN };

/* "yes", "no", "unknown": it could not be found out here. */
const char *feature_state_name(enum feature_state state);

struct feature {
	const char *name; /* stays, once released */
	const char *text;
	enum feature_state state;
	char why[512]; /* "": yes */
};

/* Of the host, as far as a feature depends on it. */
struct feature_host {
	const char *root;	/* "" or, for tests, a directory that stands for / */
	const json_t *manifest; /* NULL: there is no image; then `why_no_image` */
	const char *why_no_image;
};

enum { FEATURES_MAX = 64 };

/*
 * Fills in at most FEATURES_MAX and returns their number.  An ability of the program is
 * measured: a plan is made of a line that asks for it.
 */
size_t features_find(const struct feature_host *host, struct feature *out);

#endif
