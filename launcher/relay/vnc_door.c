/* SPDX-License-Identifier: MIT */
/* The door of a screen: a viewer first gets past the relay, then to QEMU. */
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
	INIT_LEN = 4 + RFB_FORMAT + 4, /* ServerInit (7.3.2), up to the name */
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
	buffer_free(&door->said);
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
	door->refused = password && !vnc_password_may_try(password, now_ms);
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

/* Versions before 3.8 say nothing when there is no authentication (7.1.3). */
static int let_in(struct vnc_door *door, struct buffer *to_viewer, struct err *err)
{
	door->state = VNC_DOOR_QEMU;
	door->qemu = VNC_QEMU_VERSION;
	return door->password || door->minor >= 8 ? say_number(door, to_viewer, 0, err)
						  : 0;
}

/* The viewer has chosen, or had no choice. */
static int begin_type(struct vnc_door *door, struct buffer *to_viewer, struct err *err)
{
	return door->password ? challenge(door, to_viewer, err)
			      : let_in(door, to_viewer, err);
}

static unsigned char type_of(const struct vnc_door *door)
{
	return door->password ? TYPE_VNC : TYPE_NONE;
}

/* 7.1.1 */
static int take_version(struct vnc_door *door, const unsigned char *in,
			struct buffer *to_viewer, struct err *err)
{
	const unsigned char types[] = {1, type_of(door)};
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
		return say_number(door, to_viewer, types[1], err) < 0
			       ? -1
			       : begin_type(door, to_viewer, err);
	door->state = VNC_DOOR_TYPE;
	return say(door, to_viewer, types, sizeof(types), err);
}

/* 7.2.2, 7.1.3 */
static int take_response(struct vnc_door *door, const unsigned char *in,
			 struct buffer *to_viewer, struct err *err)
{
	if (!vnc_password_check(door->password, door->challenge, in, vnc_password_now()))
		return refuse(door, to_viewer, "authentication failed", err);
	return let_in(door, to_viewer, err);
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
	else if (bytes[0] != type_of(door))
		rc = err_set(err, ERR_USAGE, "its viewer wants authentication of type %u",
			     bytes[0]);
	else
		rc = begin_type(door, to_viewer, err);
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
static int pass(struct vnc_door *door, struct buffer *to_qemu, struct err *err)
{
	struct buffer *from = &door->from_viewer;

	if (from->len > 0 && rfb_viewer_take(&door->viewer, buffer_bytes(from), from->len,
					     to_qemu, 4 * HELD_MAX) < 0)
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
		rc = pass(door, to_qemu, err);
	return rc < 0 ? -1 : 0;
}

/* QEMU's words behind the handshake, which are the viewer's. */
static int follow(struct vnc_door *door, const void *data, size_t len,
		  struct buffer *to_viewer, struct err *err)
{
	struct buffer *said = &door->said;
	int rc = 0;

	if (rfb_server_take(&door->server, door->viewer.format, data, len, said,
			    2 * HELD_MAX) < 0)
		return err_set(err, ERR_STUB,
			       "the stub domain's screen is not understood");
	if (said->len > 0)
		rc = say(door, to_viewer, buffer_bytes(said), said->len, err);
	buffer_consume(said, said->len);
	return rc;
}

/* An update of no rectangle but the one that tells the size (7.8.2). */
static int tell_size(struct vnc_door *door, unsigned width, unsigned height,
		     struct buffer *to_viewer, struct err *err)
{
	const uint32_t encoding = (uint32_t)RFB_ENCODING_SIZE;
	const unsigned char update[] = {0,
					0,
					0,
					1,
					0,
					0,
					0,
					0,
					(unsigned char)(width >> 8),
					(unsigned char)width,
					(unsigned char)(height >> 8),
					(unsigned char)height,
					(unsigned char)(encoding >> 24),
					(unsigned char)(encoding >> 16),
					(unsigned char)(encoding >> 8),
					(unsigned char)encoding};

	if (width == door->server.width && height == door->server.height)
		return 0;
	if (rfb_viewer_knows(&door->viewer, RFB_ENCODING_SIZE))
		return follow(door, update, sizeof(update), to_viewer, err);
	/* To such a viewer QEMU says it with each whole screen. */
	if (rfb_viewer_knows(&door->viewer, RFB_ENCODING_SCREENS))
		return 0;
	return err_set(err, ERR_USAGE, "its viewer knows screens of one size only");
}

/* Another QEMU's ServerInit, which the viewer does not see. */
static int resume(struct vnc_door *door, const unsigned char *init,
		  struct buffer *to_viewer, struct buffer *to_qemu, struct err *err)
{
	unsigned width = rfb_get16(init);
	unsigned height = rfb_get16(init + 2);

	if (tell_size(door, width, height, to_viewer, err) < 0)
		return -1;
	rfb_server_resume(&door->server);
	door->resumes = false;
	door->state = VNC_DOOR_PAST;
	if (rfb_viewer_resume(&door->viewer, width, height, to_qemu, HELD_MAX) < 0)
		return err_set(err, ERR_HOST, "too much is waiting");
	return 0;
}

/* The bytes of the step at hand, as far as it is known. */
static size_t step_len(const struct vnc_door *door, const unsigned char *bytes)
{
	switch (door->qemu) {
	case VNC_QEMU_VERSION:
		return VERSION_LEN;
	case VNC_QEMU_TYPES:
		return 1 + (bytes ? bytes[0] : 0);
	case VNC_QEMU_RESULT:
		return 4;
	default:
		if (door->from_qemu.len < INIT_LEN)
			return INIT_LEN;
		return INIT_LEN + (size_t)rfb_get32(bytes + INIT_LEN - 4);
	}
}

/* One step of QEMU's, as its client; 0: there are not enough bytes for one. */
static int step_qemu(struct vnc_door *door, struct buffer *to_viewer,
		     struct buffer *to_qemu, struct err *err)
{
	static const char none[] = {TYPE_NONE};
	struct buffer *in = &door->from_qemu;
	size_t want = step_len(door, take(in, 1));
	const unsigned char *bytes = take(in, want);
	int rc = 0;

	if (!bytes)
		return 0;
	if (door->qemu == VNC_QEMU_INIT) {
		if (resume(door, bytes, to_viewer, to_qemu, err) < 0)
			return -1;
	} else if (door->qemu == VNC_QEMU_VERSION) {
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
		if (rc == 0 && door->resumes)
			rc = buffer_append(to_qemu, &door->viewer.shared, 1, HELD_MAX);
		if (door->resumes)
			door->qemu = VNC_QEMU_INIT;
		else
			door->state = VNC_DOOR_PAST;
	}
	buffer_consume(in, want);
	return rc < 0 ? err_set(err, ERR_STUB,
				"the stub domain's screen does not let "
				"the relay in")
		      : 1;
}

/* The next bytes are another QEMU's. */
static void begin_again(struct vnc_door *door)
{
	door->server.stops = false;
	door->resumes |= door->state == VNC_DOOR_PAST;
	door->state = VNC_DOOR_QEMU;
	door->qemu = VNC_QEMU_VERSION;
	buffer_free(&door->from_qemu);
}

/* Behind the door. */
static int take_qemu(struct vnc_door *door, const char *data, size_t len,
		     struct buffer *to_viewer, struct err *err)
{
	if (follow(door, data, len, to_viewer, err) < 0)
		return -1;
	if (!door->server.stops || !rfb_server_is_between(&door->server))
		return 0;
	begin_again(door);
	return 1;
}

int vnc_door_qemu(struct vnc_door *door, const char *data, size_t len,
		  struct buffer *to_viewer, struct buffer *to_qemu, struct err *err)
{
	int rc = 1;

	if (door->state == VNC_DOOR_PAST)
		return take_qemu(door, data, len, to_viewer, err);
	if (door->state != VNC_DOOR_QEMU ||
	    buffer_append(&door->from_qemu, data, len, HELD_MAX) < 0)
		return err_set(err, ERR_STUB,
			       "the stub domain's screen speaks out of turn");
	while (rc > 0 && door->state == VNC_DOOR_QEMU)
		rc = step_qemu(door, to_viewer, to_qemu, err);
	if (rc < 0 || door->state != VNC_DOOR_PAST)
		return rc < 0 ? -1 : 0;
	if (door->from_qemu.len > 0 && follow(door, buffer_bytes(&door->from_qemu),
					      door->from_qemu.len, to_viewer, err) < 0)
		return -1;
	buffer_free(&door->from_qemu);
	return pass(door, to_qemu, err);
}

int vnc_door_switch(struct vnc_door *door, struct err *err)
{
	if (door->state < VNC_DOOR_QEMU)
		return 0;
	if (door->server.lost || door->viewer.lost)
		return err_set(err, ERR_USAGE,
			       "its viewer, or QEMU, has said something unknown; it has "
			       "to connect again");
	if (door->state == VNC_DOOR_QEMU || rfb_server_is_between(&door->server)) {
		begin_again(door);
		return 0;
	}
	door->server.stops = true;
	return 1;
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
	return door->state != VNC_DOOR_QEMU && !door->server.stops;
}

bool vnc_door_wants_qemu(const struct vnc_door *door)
{
	return door->state >= VNC_DOOR_QEMU;
}
