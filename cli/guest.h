/* SPDX-License-Identifier: MIT */
/* Guests whose device model is a stub domain, as xenstore tells of them. */
#ifndef STUBDOM_GUEST_H
#define STUBDOM_GUEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

/* Owns its strings; a string that is not known is NULL. */
struct guest {
	unsigned domid;
	char *name;
	unsigned stub_domid;
	bool stub_known;
	char *stub_name;
	char *kernel;
	char *type;
	char *qemu;
	char *image;
	char *image_mark; /* of the image that it was started from */
	char *log;
	pid_t launcher;	   /* 0: not known */
	long long started; /* seconds since 1970; 0: not known */
	/* The stub domain's own words: printable, at most 200 bytes, else not to be
	 * trusted. */
	char *stage;
	char *error;
	char *io_error; /* of a disk, since the guest went on; "": none */
	char *exit;
	bool guest_alive; /* the domains exist */
	bool stub_alive;
	bool launcher_alive;
	char *no_link; /* NICs whose back end has gone, and why; NULL: none */
	bool silent;   /* QEMU has not answered a QMP command */
};

struct guest_list {
	struct guest *guests; /* by guest domid */
	size_t n;
};

/* All of them.  ERR_HOST: xenstore cannot be reached. */
int guest_list_read(struct guest_list *list, struct err *err);

void guest_list_free(struct guest_list *list);

/*
 * One, by name or domain id.  ERR_GUEST: there is no such guest, or it has no
 * stub domain; the message says which.
 */
int guest_find(const char *name_or_id, struct guest *out, struct err *err);

void guest_free(struct guest *guest);

/*
 * In one word: "starting", "running", "silent", "failed", "ended".  A leftover is "guest
 * gone", "stub gone" or "unserved" (its stubdom-dm is gone).
 */
const char *guest_state(const struct guest *guest);

/* The image that it was started from, beside the one that its next start takes. */
enum guest_image {
	GUEST_IMAGE_SAME,
	GUEST_IMAGE_OLDER,
	GUEST_IMAGE_UNKNOWN, /* that cannot be read, or the guest has no mark of its own */
};

enum guest_image guest_image_look(const struct guest *guest);

/* false if that cannot be told. */
bool guest_image_is_older(const struct guest *guest);

/* The path of one of the guest's sockets for stubdom (abi/facts.h); the caller frees. */
char *guest_socket(const struct guest *guest, const char *name);

#endif
