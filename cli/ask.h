/* SPDX-License-Identifier: MIT */
/* Asks a stub domain how it is, by xenstore (abi/boot.h). */
#ifndef STUBDOM_ASK_H
#define STUBDOM_ASK_H

#include <stdbool.h>

#include "err.h"
#include "guest.h"

struct xs_handle;

enum { ASK_NUMBER_SIZE = 24 };

struct ask {
	struct xs_handle *xs;
	unsigned stub_domid;
	char number[ASK_NUMBER_SIZE]; /* the question */
	char *answered; /* what the answer is to: that, or a later question */
};

/*
 * Asks and waits until the answer is complete, timeout_ms at most; it stands in xenstore
 * until ask_end.  ERR_STUB: the stub domain is gone, or does not answer.
 */
int ask_begin(struct ask *ask, const struct guest *guest, int timeout_ms,
	      struct err *err);
void ask_end(struct ask *ask);

/*
 * The memory inside the stub domain, its own word, in KiB.  `available` includes what its
 * kernel can have back.
 */
struct ask_memory {
	unsigned long long total_kb, available_kb;
};

/* The text of STUBDOM_XS_MEMORY. */
bool ask_memory_parse(const char *text, struct ask_memory *out);
int ask_memory(const struct ask *ask, struct ask_memory *out, struct err *err);

#endif
