/* SPDX-License-Identifier: MIT */
/* For how long clients' commands have waited for QEMU, by the relay's words (RELAY_SILENT). */
#ifndef STUBDOM_DOMAIN_WAITED_H
#define STUBDOM_DOMAIN_WAITED_H

#include <stdint.h>

/* All zero: none has waited. */
struct waited {
	int64_t ms;
	int64_t at_ms; /* of the latest word */
};

/*
 * A word has come: a command of some client's has waited for the SILENCE_MS before now_ms.
 * Time in which several wait counts once.
 */
void waited_add(struct waited *waited, int64_t now_ms);

/* To the nearest second: words come a moment sooner or later than they are due. */
unsigned waited_seconds(const struct waited *waited);

#endif
