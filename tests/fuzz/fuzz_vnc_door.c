/* SPDX-License-Identifier: MIT */
/* Fuzz: viewer and QEMU say anything in turn at the door of a screen.  QEMU hears nothing before
 * the password was right, if there is one, and what is kept is bounded.
 *
 * Input: a byte, 1: the viewer is a browser, 4: there is no password; then pieces: a byte, bit 7 who,
 * the rest the length.  QEMU's without a length: another QEMU takes over.
 * A response that begins with 'R' is the right one. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "relay/vnc_door.h"

enum { KEPT_MAX = 2 * 1024 * 1024 };

static bool was_right;

bool vnc_password_may_try(struct vnc_password *password, int64_t now_ms)
{
	return now_ms != 0;
}

int64_t vnc_password_now(void)
{
	return 1;
}

bool vnc_password_check(struct vnc_password *password,
			const unsigned char challenge[VNC_CHALLENGE],
			const unsigned char response[VNC_CHALLENGE], int64_t now_s)
{
	was_right = response[0] == 'R';
	return was_right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vnc_door door = {0};
	struct vnc_password password = {0};
	struct buffer to_viewer = {0}, to_qemu = {0};
	const uint8_t *at = data + 1, *end = data + size;
	struct err err = {0};
	int rc = 0;

	if (size == 0)
		return 0;
	was_right = data[0] & 4;
	vnc_door_open(&door, was_right ? NULL : &password, data[0] & 1, data[0] & 2,
		      &to_viewer);
	while (rc >= 0 && at < end) {
		size_t len = *at & 0x7f;
		bool from_qemu = *at++ & 0x80;
		char *piece;

		len = len < (size_t)(end - at) ? len : (size_t)(end - at);
		piece = malloc(len ? len : 1);
		if (!piece)
			abort();
		memcpy(piece, at, len);
		at += len;
		if (from_qemu && len == 0)
			rc = vnc_door_switch(&door, &err);
		else if (from_qemu && vnc_door_wants_qemu(&door))
			rc = vnc_door_qemu(&door, piece, len, &to_viewer, &to_qemu, &err);
		else if (!from_qemu && vnc_door_reads(&door))
			rc = vnc_door_viewer(&door, piece, len, &to_viewer, &to_qemu,
					     &err);
		free(piece);
		if ((to_qemu.len > 0 || vnc_door_wants_qemu(&door)) && !was_right)
			abort();
		if (door.frames.len + door.from_viewer.len + door.from_qemu.len +
			    door.said.len + to_viewer.len + to_qemu.len >
		    KEPT_MAX)
			abort();
	}
	if (rc < 0 && !err.msg[0])
		abort();
	vnc_door_end(&door, &to_viewer);
	vnc_door_close(&door);
	buffer_free(&to_viewer);
	buffer_free(&to_qemu);
	return 0;
}
