/* SPDX-License-Identifier: MIT */
/* The moment at which the guest becomes the new stub domain's: abi/boot.h, STUBDOM_XS_TAKE. */
#ifndef STUBDOM_DOMAIN_REPLACE_TAKE_H
#define STUBDOM_DOMAIN_REPLACE_TAKE_H

#include "domain/host.h"

enum replace_take {
	REPLACE_TAKEN,	   /* Xen gives its QEMU the guest's requests */
	REPLACE_NOT_TAKEN, /* and will not: the word is taken back, and err says why */
	REPLACE_TORN, /* it is its own, but nobody knows whether Xen does; err says why */
};

/*
 * Its QEMU waits for the word.  Without an answer until then (clock_ms) the word is taken
 * back.  One that has said that the guest is its own has some seconds more to do it, for
 * then there is no other way.  A signal ends that wait (domain/end_signals.h).
 */
enum replace_take replace_take(struct domain_host *host, uint32_t stub, int signals,
			       int64_t until, struct err *err);

#endif
