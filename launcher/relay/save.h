/* SPDX-License-Identifier: MIT */
/* Takes a file that QEMU wrote in the stub domain into a descriptor of dom0. */
#ifndef STUBDOM_RELAY_SAVE_H
#define STUBDOM_RELAY_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A save channel (abi/channel.h) carries the file's length and the file.  The caller's
 * `most` bounds it, and it counts only when it is whole.
 */
struct relay_save {
	bool active;
	bool failed; /* `why` says how */
	bool done;   /* active and over, one way or the other */
	int fd;	     /* our own */
	uint64_t most;
	unsigned char header[8];
	size_t header_len;
	uint64_t left;
	char why[200];
};

/* Into a duplicate of fd. */
void relay_save_start(struct relay_save *save, int fd, uint64_t most);

/* Bytes of the stub domain. */
void relay_save_take(struct relay_save *save, const char *data, size_t len);

/* The stub domain has closed the channel. */
void relay_save_end(struct relay_save *save);

/* Bytes of dom0's own, behind a file that has arrived whole. */
void relay_save_add(struct relay_save *save, const char *data, size_t len);

/* Nobody waits for it any more, or has heard how it ended. */
void relay_save_stop(struct relay_save *save);

#endif
