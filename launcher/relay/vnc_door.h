/* SPDX-License-Identifier: MIT */
/* The door of a screen: a viewer first gets past the relay, then to QEMU. */
#ifndef STUBDOM_VNC_DOOR_H
#define STUBDOM_VNC_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "err.h"
#include "relay/qmp/vnc_password.h"
#include "relay/rfb_server.h"
#include "relay/rfb_viewer.h"
#include "relay/websocket.h"

/*
 * RFC 6143, 7.1 and 7.2: a server towards the viewer (3.3, 3.7 and 3.8, VNC
 * authentication or none), a client towards QEMU (3.8, none).  The connection to QEMU is
 * made after the right password, if there is one.  Both sides are hostile, and the bytes
 * kept of either are bounded.
 *
 * Behind the handshake the bytes go through, or in the frames of a websocket.  They are
 * followed.  So the viewer can go on with another QEMU, which is told what this one was.
 */
enum { VNC_DOOR_MS = 30000 }; /* for a viewer to get past it */

struct vnc_door {
	struct vnc_password *password; /* NULL: there is none */
	enum {
		VNC_DOOR_UPGRADE,  /* the viewer's HTTP request, if it is a browser */
		VNC_DOOR_VERSION,  /* the viewer's version */
		VNC_DOOR_TYPE,	   /* the kind of authentication that it chooses */
		VNC_DOOR_RESPONSE, /* to the challenge */
		VNC_DOOR_QEMU,	   /* the other side's handshake */
		VNC_DOOR_PAST,
	} state;
	enum { VNC_QEMU_VERSION, VNC_QEMU_TYPES, VNC_QEMU_RESULT, VNC_QEMU_INIT } qemu;
	unsigned minor; /* of the viewer's version: 3, 7 or 8 */
	unsigned char challenge[VNC_CHALLENGE];
	bool refused; /* too many were wrong */
	bool is_web;
	struct websocket web;
	struct buffer frames;	   /* of a websocket, not looked at yet */
	struct buffer from_viewer; /* the protocol's bytes */
	struct buffer from_qemu;
	struct buffer said; /* by QEMU, on its way through */
	struct rfb_server server;
	struct rfb_viewer viewer;
	bool resumes; /* the handshake is with another QEMU than the viewer's first */
};

/* A viewer that has just connected; to_viewer gets the first words. */
void vnc_door_open(struct vnc_door *door, struct vnc_password *password, bool is_web,
		   int64_t now_ms, struct buffer *to_viewer);

/*
 * Bytes of one side.  -1: the viewer is to go, after to_viewer was written; err says why.
 * 1, of QEMU's: it has ended its message after vnc_door_switch, and may go.
 */
int vnc_door_viewer(struct vnc_door *door, const char *data, size_t len,
		    struct buffer *to_viewer, struct buffer *to_qemu, struct err *err);
int vnc_door_qemu(struct vnc_door *door, const char *data, size_t len,
		  struct buffer *to_viewer, struct buffer *to_qemu, struct err *err);

/*
 * Another QEMU is to be connected to.  0: at once.  1: when this one has ended its message.
 * -1: the viewer cannot go on with another; err says why.
 */
int vnc_door_switch(struct vnc_door *door, struct err *err);

/* The relay ends the viewer's connection: to_viewer gets the last words. */
void vnc_door_end(struct vnc_door *door, struct buffer *to_viewer);

/* Whether the viewer's bytes can be taken, and whether it is time for QEMU. */
bool vnc_door_reads(const struct vnc_door *door);
bool vnc_door_wants_qemu(const struct vnc_door *door);

void vnc_door_close(struct vnc_door *door);

#endif
