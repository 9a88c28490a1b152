/* SPDX-License-Identifier: MIT */
/* Byte streams between dom0 and QEMU: libxenvchan servers and QEMU's unix sockets. */
#ifndef AGENT_CHANNEL_H
#define AGENT_CHANNEL_H

#include <poll.h>
#include <stdbool.h>

#include "boot_contract.h"

/* Descriptors that one channel may ask to be polled. */
enum { CHANNEL_POLL_MAX = 2 };

/* Offers a server for every channel of the contract, which must stay alive. */
int channels_open(const struct boot_contract *boot, struct err *err);

/*
 * Fills `pfds` (room for CHANNEL_POLL_MAX times the number of channels) and
 * returns how many.  *timeout_ms is lowered if a channel must be looked at
 * sooner.
 */
size_t channels_poll(struct pollfd *pfds, int *timeout_ms);

/* Moves bytes, after poll; `pfds` as channels_poll filled them. */
void channels_run(const struct pollfd *pfds, size_t n);

/* Whether QEMU waits for a saved state, and listens for it. */
bool channels_incoming(void);

/*
 * Whether every channel that is connected from the start is connected.  Tries those that
 * are not: QEMU listens before it says that it runs.
 */
bool channels_ready(void);

/* QEMU is gone: passes its last bytes on, for at most `ms`, and closes every channel. */
void channels_close(int ms);

#endif
