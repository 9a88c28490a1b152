/* SPDX-License-Identifier: MIT */
/* Pictures as files: PNG and PPM. */
#ifndef STUBDOM_PICTURE_H
#define STUBDOM_PICTURE_H

#include <stdio.h>

#include "err.h"
#include "rfb.h"

enum picture_format { PICTURE_PNG, PICTURE_PPM };

/* By the file name's ending; "-" is PNG.  -1: neither. */
int picture_format_of(const char *path, enum picture_format *format);

/* Writes the picture; `name` is for the message.  ERR_HOST. */
int picture_write(const struct rfb_image *image, enum picture_format format, FILE *out,
		  const char *name, struct err *err);

#endif
