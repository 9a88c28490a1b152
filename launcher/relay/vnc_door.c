/* SPDX-License-Identifier: MIT */
/* The door of a screen with a password: a viewer first gets past the relay, then to QEMU. */
#include "relay/vnc_door.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
	HELD_MAX = 128 * 1024,
	VERSION_LEN = 12,
	TYPE_NONE = 1, /* RFC 6143, 7.1.2 */
	TYPE_VNC = 2,
	TYPES_MAX = 255,
};

static const char version[] = "RFB 003.008\n";

static int say(struct vnc_door *door, struct buffer *to_viewer, const void *data,
	       size_t len, struct err *err)
{
	int rc = door->web.closed ? 0
		 : door->is_web && door->state != VNC_DOOR_UPGRADE
			 ? websocket_frame(to_viewer, data, len, 2 * HELD_MAX)
			 : buffer_append(to_viewer, data, len, 2 * HELD_MAX);

	return rc < 0 ? err_set(err, ERR_HOST, "its viewer does not read") : 0;
}

static int say_number(struct vnc_door *door, struct buffer *to_viewer, uint32_t n,
		      struct err *err)
{
	uint32_t big = htonl(n);

	return say(door, to_viewer, &big, sizeof(big), err);
}

/* The reason is in the protocol since 3.8. */
static int refuse(struct vnc_door *door, struct buffer *to_viewer, const char *why,
		  struct err *err)
{
	if (say_number(door, to_viewer, 1, err) == 0 && door->minor >= 8 &&
	    say_number(door, to_viewer, (uint32_t)strlen(why), err) == 0)
		say(door, to_viewer, why, strlen(why), err);
	return err_set(err, ERR_USAGE, "a viewer was refused: %s", why);
}

void vnc_door_close(struct vnc_door *door)
{
	buffer_free(&door->frames);
	buffer_free(&door->from_viewer);
	buffer_free(&door->from_qemu);
	explicit_bzero(door, sizeof(*door));
}

void vnc_door_open(struct vnc_door *door, struct vnc_password *password, bool is_web,
		   int64_t now_ms, struct buffer *to_viewer)
{
	struct err err;

	vnc_door_close(door);
	door->password = password;
	door->is_web = is_web;
	door->state = is_web ? VNC_DOOR_UPGRADE : VNC_DOOR_VERSION;
	door->refused = !vnc_password_may_try(password, now_ms);
	if (!is_web)
		say(door, to_viewer, version, VERSION_LEN, &err);
}

static const unsigned char *take(struct buffer *b, size_t len)
{
	return b->len < len || b->len == 0 ? NULL
					   : (const unsigned char *)buffer_bytes(b);
}

static int challenge(struct vnc_door *door, struct buffer *to_viewer, struct err *err)
{
	if (getrandom(door->challenge, VNC_CHALLENGE, 0) != VNC_CHALLENGE)
		return err_set(err, ERR_HOST, "no random numbers");
	door->state = VNC_DOOR_RESPONSE;
	return say(door, to_viewer, door->challenge, VNC_CHALLENGE, err);
}

/* 7.1.1 */
static int take_version(struct vnc_door *door, const unsigned char *in,
			struct buffer *to_viewer, struct err *err)
{
	static const unsigned char types[] = {1, TYPE_VNC};
	static const char late[] = "too many wrong passwords; wait some seconds";
	char text[VERSION_LEN + 1] = {0};
	unsigned major, minor;

	memcpy(text, in, VERSION_LEN);
	if (sscanf(text, "RFB %3u.%3u", &major, &minor) != 2 || major != 3 ||
	    text[VERSION_LEN - 1] != '\n')
		return err_set(err, ERR_USAGE, "its viewer does not speak RFB 3");
	door->minor = minor >= 8 ? 8 : minor == 7 ? 7 : 3;
	if (door->refused) {
		/* No type at all: 7 and 8 count them in a byte, 3 names one in four. */
		if (say(door, to_viewer, "\0\0\0\0", door->minor == 3 ? 4 : 1, err) ==
			    0 &&
		    say_number(door, to_viewer, sizeof(late) - 1, err) == 0)
			say(door, to_viewer, late, sizeof(late) - 1, err);
		return err_set(err, ERR_USAGE, "a viewer was refused: %s", late);
	}
	if (door->minor == 3)
		return say_number(door, to_viewer, TYPE_VNC, err) < 0
			       ? -1
			       : challenge(door, to_viewer, err);
	door->state = VNC_DOOR_TYPE;
	return say(door, to_viewer, types, sizeof(types), err);
}

/* 7.2.2, 7.1.3 */
static int take_response(struct vnc_door *door, const unsigned char *in,
			 struct buffer *to_viewer, struct err *err)
{
	if (!vnc_password_check(door->password, door->challenge, in, vnc_password_now()))
		return refuse(door, to_viewer, "authentication failed", err);
	if (say_number(door, to_viewer, 0, err) < 0)
		return -1;
	door->state = VNC_DOOR_QEMU;
	door->qemu = VNC_QEMU_VERSION;
	return 0;
}

/* One step of the viewer's; 0: there are not enough bytes for one. */
static int step_viewer(struct vnc_door *door, struct buffer *in, struct buffer *to_viewer,
		       struct err *err)
{
	static const size_t wants[] = {[VNC_DOOR_VERSION] = VERSION_LEN,
				       [VNC_DOOR_TYPE] = 1,
				       [VNC_DOOR_RESPONSE] = VNC_CHALLENGE};
	size_t want = wants[door->state];
	const unsigned char *bytes = take(in, want);
	int rc;

	if (!bytes)
		return 0;
	if (door->state == VNC_DOOR_VERSION)
		rc = take_version(door, bytes, to_viewer, err);
	else if (door->state == VNC_DOOR_RESPONSE)
		rc = take_response(door, bytes, to_viewer, err);
	else if (bytes[0] != TYPE_VNC)
		rc = err_set(err, ERR_USAGE, "its viewer wants authentication of type %u",
			     bytes[0]);
	else
		rc = challenge(door, to_viewer, err);
	buffer_consume(in, want);
	return rc < 0 ? -1 : 1;
}

/* The viewer's bytes, out of the frames that a browser puts them in. */
static int unwrap(struct vnc_door *door, const char *data, size_t len,
		  struct buffer *to_viewer, struct err *err)
{
	struct buffer *in = door->is_web ? &door->frames : &door->from_viewer;
	int rc = 1;

	if (buffer_append(in, data, len, HELD_MAX) < 0)
		return err_set(err, ERR_HOST, "its viewer sends too much");
	if (door->state == VNC_DOOR_UPGRADE) {
		rc = websocket_upgrade(&door->frames, to_viewer, err);
		if (rc <= 0)
			return rc;
		door->state = VNC_DOOR_VERSION;
		if (say(door, to_viewer, version, VERSION_LEN, err) < 0)
			return -1;
	}
	return door->is_web ? websocket_read(&door->web, &door->frames,
					     &door->from_viewer, to_viewer, err)
			    : 0;
}

/* Behind the door: all that is there. */
static int pass(struct buffer *from, struct buffer *to, struct err *err)
{
	if (from->len > 0 &&
	    buffer_append(to, buffer_bytes(from), from->len, 4 * HELD_MAX) < 0)
		return err_set(err, ERR_HOST, "too much is waiting");
	buffer_consume(from, from->len);
	return 0;
}

int vnc_door_viewer(struct vnc_door *door, const char *data, size_t len,
		    struct buffer *to_viewer, struct buffer *to_qemu, struct err *err)
{
	int rc = 1;

	if (unwrap(door, data, len, to_viewer, err) < 0)
		return -1;
	if (door->state == VNC_DOOR_UPGRADE)
		return 0;
	while (rc > 0 && door->state < VNC_DOOR_QEMU)
		rc = step_viewer(door, &door->from_viewer, to_viewer, err);
	if (rc >= 0 && door->state == VNC_DOOR_PAST)
		rc = pass(&door->from_viewer, to_qemu, err);
	return rc < 0 ? -1 : 0;
}

/* One step of QEMU's, as its client; 0: there are not enough bytes for one. */
static int step_qemu(struct vnc_door *door, struct buffer *to_qemu, struct err *err)
{
	static const char none[] = {TYPE_NONE};
	struct buffer *in = &door->from_qemu;
	const unsigned char *bytes = take(in, 1);
	size_t want = door->qemu == VNC_QEMU_VERSION ? VERSION_LEN
		      : door->qemu == VNC_QEMU_TYPES ? 1 + (bytes ? bytes[0] : 0)
						     : 4;
	int rc = 0;

	bytes = take(in, want);
	if (!bytes)
		return 0;
	if (door->qemu == VNC_QEMU_VERSION) {
		rc = memcmp(bytes, version, VERSION_LEN)
			     ? -1
			     : buffer_append(to_qemu, version, VERSION_LEN, HELD_MAX);
		door->qemu = VNC_QEMU_TYPES;
	} else if (door->qemu == VNC_QEMU_TYPES) {
		rc = memchr(bytes + 1, TYPE_NONE, want - 1)
			     ? buffer_append(to_qemu, none, 1, HELD_MAX)
			     : -1;
		door->qemu = VNC_QEMU_RESULT;
	} else {
		rc = memcmp(bytes, "\0\0\0\0", 4) ? -1 : 0;
		door->state = VNC_DOOR_PAST;
	}
	buffer_consume(in, want);
	return rc < 0 ? err_set(err, ERR_STUB,
				"the stub domain's screen does not let "
				"the relay in")
		      : 1;
}

int vnc_door_qemu(struct vnc_door *door, const char *data, size_t len,
		  struct buffer *to_viewer, struct buffer *to_qemu, struct err *err)
{
	int rc = 1;

	if (door->state == VNC_DOOR_PAST)
		return say(door, to_viewer, data, len, err);
	if (door->state != VNC_DOOR_QEMU ||
	    buffer_append(&door->from_qemu, data, len, HELD_MAX) < 0)
		return err_set(err, ERR_STUB,
			       "the stub domain's screen speaks out of turn");
	while (rc > 0 && door->state == VNC_DOOR_QEMU)
		rc = step_qemu(door, to_qemu, err);
	if (rc < 0 || door->state != VNC_DOOR_PAST)
		return rc < 0 ? -1 : 0;
	if (door->from_qemu.len > 0 &&
	    say(door, to_viewer, buffer_bytes(&door->from_qemu), door->from_qemu.len,
		err) < 0)
		return -1;
	buffer_free(&door->from_qemu);
	return pass(&door->from_viewer, to_qemu, err);
}

void vnc_door_end(struct vnc_door *door, struct buffer *to_viewer)
{
	if (door->is_web && door->state != VNC_DOOR_UPGRADE)
		websocket_close(&door->web, to_viewer,
				vnc_door_wants_qemu(door) ? WEBSOCKET_GOING_AWAY
							  : WEBSOCKET_POLICY);
}

bool vnc_door_reads(const struct vnc_door *door)
{
	return door->state != VNC_DOOR_QEMU;
}

bool vnc_door_wants_qemu(const struct vnc_door *door)
{
	return door->state >= VNC_DOOR_QEMU;
}

bool vnc_door_is_past(const struct vnc_door *door)
{
	return door->state == VNC_DOOR_PAST;
}
