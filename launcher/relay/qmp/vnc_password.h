/* SPDX-License-Identifier: MIT */
/* The password of a guest's screen: set by QMP, asked of viewers by the relay. */
#ifndef STUBDOM_VNC_PASSWORD_H
#define STUBDOM_VNC_PASSWORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "rate.h"

/* RFC 6143, 7.2.2: the first eight characters count; the challenge's bytes. */
enum { VNC_PASSWORD_MAX = 8, VNC_CHALLENGE = 16 };

struct vnc_password {
	bool set;			     /* until then nobody gets in, as with QEMU */
	unsigned char key[VNC_PASSWORD_MAX]; /* zero behind its end */
	int64_t expires_s;		     /* of time(); 0: never */
	struct rate tries;		     /* in thousandths of one */
};

/* A screen with a password that is yet to be said. */
struct vnc_password vnc_password_new(void);

/* Seconds since 1970, for the calls below. */
int64_t vnc_password_now(void);

/* Whether viewers may try now: wrong passwords use this up. */
bool vnc_password_may_try(struct vnc_password *password, int64_t now_ms);

/*
 * Whether the response is the right one to the challenge.  Takes the same time for each
 * wrong one.  now_s: vnc_password_now(), for the password's end.
 */
bool vnc_password_check(struct vnc_password *password,
			const unsigned char challenge[VNC_CHALLENGE],
			const unsigned char response[VNC_CHALLENGE], int64_t now_s);

/*
 * A QMP command about the password, also one that is HMP's in QMP's clothes:
 * `change-vnc-password`, `set_password`, `expire_password`, "change vnc password".
 * The value to return; NULL and no err->msg: it is no such command; NULL: err.
 */
json_t *vnc_password_command(struct vnc_password *password, const char *name,
			     const json_t *arguments, int64_t now_s, struct err *err);

#endif
