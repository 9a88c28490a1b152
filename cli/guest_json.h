/* SPDX-License-Identifier: MIT */
/* The JSON form of a guest, and the figures that list and status share. */
#ifndef STUBDOM_GUEST_JSON_H
#define STUBDOM_GUEST_JSON_H

#include <jansson.h>

#include "dominfo.h"
#include "guest.h"

#define GUEST_JSON_VERSION 1 /* stubdom(1) */

/* Seconds since the stub domain's start; 0 if that is not known. */
long long guest_uptime(const struct guest *guest);

/* The stub domain's figures; all 0 if it is gone, which is no error here. */
void guest_read_info(struct dominfo_reader *reader, const struct guest *guest,
		     struct dominfo *info);

/* The caller owns it. */
json_t *guest_to_json(const struct guest *guest, const struct dominfo *info);

/* Of one guest's answer: version, domid, name.  The caller owns it. */
json_t *guest_json_begin(const struct guest *guest);

/* Sets a member; null for NULL and for what is not UTF-8. */
void guest_set_string(json_t *object, const char *key, const char *value);

/* On standard output, indented, with a newline. */
void guest_print_json(const json_t *value);

#endif
