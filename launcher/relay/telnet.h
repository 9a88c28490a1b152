/* SPDX-License-Identifier: MIT */
/* The little of telnet that a raw terminal needs, as QEMU's chardevs speak it. */
#ifndef STUBDOM_TELNET_H
#define STUBDOM_TELNET_H

#include <stddef.h>

/* Between one read and the next; all zero at the start of a connection. */
struct telnet {
	enum { TELNET_DATA, TELNET_COMMAND, TELNET_OPTION } state;
};

/* Sent first: we echo, no go-aheads, eight bits both ways. */
extern const char telnet_greeting[12];

/*
 * Takes the commands out of the client's bytes, in place; returns how many bytes are
 * left.
 */
size_t telnet_filter(struct telnet *telnet, char *data, size_t len);

#endif
