/* SPDX-License-Identifier: MIT */
/* The phases of a guest's start, from the log of its stub domain and from xenstore. */
#ifndef STUBDOM_BLAME_H
#define STUBDOM_BLAME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

/* Moments of a start, in their order; each begins the phase of that name. */
enum blame_point {
	BLAME_TOOLSTACK,   /* the toolstack's program began */
	BLAME_GUEST_BUILD, /* it builds the guest */
	BLAME_LAUNCHER,	   /* stubdom-dm began */
	BLAME_CHECKS,	   /* it has a plan and an image */
	BLAME_RELAY,	   /* guest and host are checked */
	BLAME_RAMDISK,	   /* the relay is ready */
	BLAME_LIBXL,	   /* the stub domain is created */
	BLAME_BUILD,	   /* its kernel and ramdisk are put into its memory */
	BLAME_SCRIPTS,	   /* its first hot-plug script */
	BLAME_DEVICES,	   /* the last one has ended */
	BLAME_UNPAUSED,
	BLAME_KERNEL, /* the kernel's first instruction */
	BLAME_AGENT,
	BLAME_DISKS,
	BLAME_NET,
	BLAME_LINKING, /* QEMU's process began */
	BLAME_QEMU,    /* its libraries are linked */
	BLAME_REPORT,  /* the guest may run */
	BLAME_RETURN,  /* the toolstack was told */
	BLAME_END,     /* the toolstack's program has ended */
	BLAME_POINTS,
};

struct blame_wait {
	bool known;
	unsigned n;
	long long ms;
};

enum { BLAME_REPLACE_PHASES = 7 };

/* Another QEMU has taken over (docs/replace.md), the last time. */
struct blame_replace {
	bool known;
	long long pause_ms;		    /* of the guest */
	long long ms[BLAME_REPLACE_PHASES]; /* of STUBDOM_REPLACE_PHASES */
};

struct blame {
	/* Milliseconds since 1970, never falling; 0: not known. */
	long long at[BLAME_POINTS];
	char toolstack[16];
	unsigned scripts;
	struct blame_wait channels; /* offered by the agent while QEMU starts */
	struct blame_wait xenstore; /* answers that the agent waited for */
	struct blame_replace replace;
};

/* Moments of xenstore's, as libxl writes them; 0: not known. */
struct blame_builds {
	long long guest_ms, stub_ms;
};

/*
 * Reads the last start in a log.  The stub domain's own words count between two moments of
 * dom0's only.  ERR_GUEST: no start is in it.
 */
int blame_read(FILE *log, const struct blame_builds *builds, struct blame *out,
	       struct err *err);

/* Whether the toolstack was told that the guest may run. */
bool blame_is_whole(const struct blame *blame);

struct blame_phase {
	const char *name, *text;
	long long from_ms, ms; /* from the first known moment */
};

/* Phases that follow each other without a gap; returns how many, BLAME_POINTS at most. */
size_t blame_phases(const struct blame *blame, struct blame_phase *out);

/* For people; a picture (SVG); for programs (the caller owns it). */
void blame_print(const struct blame *blame, FILE *out);
void blame_print_svg(const struct blame *blame, const char *guest, FILE *out);
json_t *blame_to_json(const struct blame *blame);

#endif
