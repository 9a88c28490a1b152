/* SPDX-License-Identifier: MIT */
/* The kinds of channels in the relay, and their operations. */
#ifndef STUBDOM_RELAY_KIND_H
#define STUBDOM_RELAY_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/channel.h"
#include "err.h"

struct relay_channel;

enum { RELAY_HELD_MAX = 64 * 1024 }; /* bytes waiting in one direction */

struct relay_kind {
	/* QEMU's output exists without a client: the connection stays, the latest
	 * bytes are kept. */
	bool stays;
	bool commands;	    /* QEMU answers what its clients say */
	bool can_wait;	    /* its clients wait while a replacement is under way */
	bool is_bounded;    /* the length of what is said: a client asked for it */
	bool has_fd_sets;   /* its clients pass descriptors, and may use them later */
	size_t stub_chunk;  /* bytes of the stub domain at once, RELAY_HELD_MAX at most */
	int64_t stub_per_s; /* bytes of the stub domain that are taken; 0: all */
	int64_t stub_burst; /* and at once */
	/* Once, when the channel is opened. */
	void (*init)(struct relay_channel *channel);
	/* A client has connected; NULL: it is not spoken to first. */
	void (*greet)(struct relay_channel *channel, int64_t now_ms);
	/* When the client must go; 0: it may stay.  NULL: all may. */
	int64_t (*until_ms)(const struct relay_channel *channel);
	/* Whether somebody in dom0 reads the stub domain's bytes. */
	bool (*has_reader)(const struct relay_channel *channel);
	/* Whether more may be read from the client. */
	bool (*has_room)(const struct relay_channel *channel);
	/* As read(2), of the client. */
	ssize_t (*read_client)(struct relay_channel *channel, char *chunk, size_t size);
	/* Bytes of the client.  -1: it must go; err says why. */
	int (*take_client)(struct relay_channel *channel, const char *data, size_t len,
			   struct err *err);
	/* The relay ends the client's connection: the last words.  NULL: none. */
	void (*farewell)(struct relay_channel *channel);
	/* The client writes no more.  False: it must go. */
	bool (*end_client)(struct relay_channel *channel);
	/* Bytes of the stub domain.  1: it has said all.  -1: it cannot be trusted. */
	int (*take_stub)(struct relay_channel *channel, const char *data, size_t len,
			 struct err *err);
	/* The stub domain's end was lost before it was closed here; NULL: no matter. */
	void (*lost)(struct relay_channel *channel);
	/* Whether the client waits for the stub domain's answer; NULL: it never says so. */
	bool (*waits)(const struct relay_channel *channel);
	/*
	 * Another stub domain has taken over.  -1: the client must go.  NULL: so it must,
	 * unless the connection stays: then that ends by itself, with the old stub
	 * domain's last words.  1: these are to be taken first, up to the 1 of take_stub.
	 */
	int (*switches)(struct relay_channel *channel, struct err *err);
	/* Forgets the bytes on their way, for the next client. */
	void (*forget)(struct relay_channel *channel);
};

const struct relay_kind *relay_kind_find(enum stubdom_channel_kind kind);

extern const struct relay_kind relay_kind_qmp;
extern const struct relay_kind relay_kind_door;

/* Of kinds whose bytes go through as they are, and of others. */
void relay_kind_init_bytes(struct relay_channel *channel);
ssize_t relay_kind_read_bytes(struct relay_channel *channel, char *chunk, size_t size);
bool relay_kind_is_connected(const struct relay_channel *channel);
bool relay_kind_end_client(struct relay_channel *channel);

#endif
