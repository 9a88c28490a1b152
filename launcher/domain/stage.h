/* SPDX-License-Identifier: MIT */
/* The stages of a start, as the stub domain reports them. */
#ifndef STUBDOM_DOMAIN_STAGE_H
#define STUBDOM_DOMAIN_STAGE_H

#include <stdbool.h>

/*
 * The stub domain writes anything, as often as it likes.  Only the agent's stages
 * (abi/boot.h) count, each once and in their order.  Some may be missed.
 */
struct stage {
	unsigned reached; /* stages that were heard of or passed; 0: none */
	bool told;	  /* that a report was none */
};

enum stage_report {
	STAGE_OLD, /* nothing new, or none and not the first of these */
	STAGE_NEW,
	STAGE_NONE, /* no stage, or one that is past: the first such report */
};

/* `said`: the node's text, NULL: there is none. */
enum stage_report stage_take(struct stage *stage, const char *said);

/* The stage reached last: one of the names of abi/boot.h, or "none". */
const char *stage_name(const struct stage *stage);

#endif
