/* SPDX-License-Identifier: MIT */
/* The phases of a guest's start, and the time that each took. */
#ifndef STUBDOM_BLAME_H
#define STUBDOM_BLAME_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "guest.h"

enum { BLAME_PHASES_MAX = 12 };

struct blame_phase {
	const char *name; /* one word, for programs */
	const char *what; /* that is done in it */
	int64_t from_ms;  /* since the first phase began */
	int64_t ms;
};

/* In order, without gaps. */
struct blame {
	struct blame_phase phases[BLAME_PHASES_MAX];
	size_t n;
	int64_t total_ms;
};

/*
 * Reads the last start out of a log of stubdom-dm.  `exec_ms` and `build_ms` (since 1970):
 * when stubdom-dm was started and when the toolstack began to build the guest; 0: not
 * known.  ERR_HOST: the log has no whole start.
 */
int blame_parse(FILE *log, int64_t exec_ms, int64_t build_ms, struct blame *out,
		struct err *err);

/* Of a guest that runs: its log, its launcher's process and xenstore. */
int blame_read(const struct guest *guest, struct blame *out, struct err *err);

int blame_print(const struct blame *blame, FILE *out, struct err *err);
/* A picture; `name` is the guest's. */
void blame_print_svg(const struct blame *blame, const char *name, FILE *out);
/* A list; the caller owns it. */
json_t *blame_to_json(const struct blame *blame);

#endif
