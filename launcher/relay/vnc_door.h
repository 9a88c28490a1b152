/* SPDX-License-Identifier: MIT */
/* The door of a screen with a password: a viewer first gets past the relay, then to QEMU. */
#ifndef STUBDOM_VNC_DOOR_H
#define STUBDOM_VNC_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "err.h"
#include "relay/qmp/vnc_password.h"
#include "relay/websocket.h"

/*
 * RFC 6143, 7.1 and 7.2: a server towards the viewer (3.3, 3.7 and 3.8, VNC
 * authentication), a client towards QEMU (3.8, none).  The connection to QEMU is made
 * after the right password.  Both sides are hostile, and the bytes kept of either are
 * bounded.  Behind the handshake the bytes go through as they are, or in the frames of a
 * websocket.
 */
enum { VNC_DOOR_MS = 30000 }; /* for a viewer to get past it */

struct vnc_door {
	struct vnc_password *password;
	enum {
		VNC_DOOR_UPGRADE,  /* the viewer's HTTP request, if it is a browser */
		VNC_DOOR_VERSION,  /* the viewer's version */
		VNC_DOOR_TYPE,	   /* the kind of authentication that it chooses */
		VNC_DOOR_RESPONSE, /* to the challenge */
		VNC_DOOR_QEMU,	   /* the other side's handshake */
		VNC_DOOR_PAST,
	} state;
	enum { VNC_QEMU_VERSION, VNC_QEMU_TYPES, VNC_QEMU_RESULT } qemu;
	unsigned minor; /* of the viewer's version: 3, 7 or 8 */
	unsigned char challenge[VNC_CHALLENGE];
	bool refused; /* too many were wrong */
	bool is_web;
	struct websocket web;
	struct buffer frames;	   /* of a websocket, not looked at yet */
	struct buffer from_viewer; /* the protocol's bytes */
	struct buffer from_qemu;
};

/* A viewer that has just connected; to_viewer gets the first words. */
void vnc_door_open(struct vnc_door *door, struct vnc_password *password, bool is_web,
		   int64_t now_ms, struct buffer *to_viewer);

/*
 * Bytes of one side.  -1: the viewer is to go, after to_viewer was written; err says why.
 */
int vnc_door_viewer(struct vnc_door *door, const char *data, size_t len,
		    struct buffer *to_viewer, struct buffer *to_qemu, struct err *err);
int vnc_door_qemu(struct vnc_door *door, const char *data, size_t len,
		  struct buffer *to_viewer, struct buffer *to_qemu, struct err *err);

/* The relay ends the viewer's connection: to_viewer gets the last words. */
void vnc_door_end(struct vnc_door *door, struct buffer *to_viewer);

/* Whether the viewer's bytes can be taken, and whether it is time for QEMU. */
bool vnc_door_reads(const struct vnc_door *door);
bool vnc_door_wants_qemu(const struct vnc_door *door);
bool vnc_door_is_past(const struct vnc_door *door);

void vnc_door_close(struct vnc_door *door);

#endif
