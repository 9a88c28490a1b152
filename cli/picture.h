/* SPDX-License-Identifier: MIT */
/* Pictures as files: PNG and PPM. */
#ifndef STUBDOM_PICTURE_H
#define STUBDOM_PICTURE_H

#include <stdio.h>

#include "err.h"

struct picture {
	unsigned width;
	unsigned height;
	unsigned char *rgb; /* 3 bytes a pixel, rows from the top, no padding */
};

/* The largest screen taken; QEMU's own limit is 5120 x 2160 and the like. */
enum { PICTURE_SIDE_MAX = 16384 };
#define PICTURE_BYTES_MAX ((size_t)64 << 20)

enum picture_format { PICTURE_PNG, PICTURE_PPM };

/* By the file name's ending; "-" is PNG.  -1: neither. */
int picture_format_of(const char *path, enum picture_format *format);

/* Writes the picture; `name` is for the message.  ERR_HOST. */
int picture_write(const struct picture *picture, enum picture_format format, FILE *out,
		  const char *name, struct err *err);

/*
 * A PPM as QEMU writes it, of another domain's making: ERR_STUB unless it is whole and
 * has nothing else.
 */
int picture_read_ppm(const char *data, size_t len, struct picture *out, struct err *err);

void picture_free(struct picture *picture);

#endif
