/* SPDX-License-Identifier: MIT */
/* Pictures as files: PNG and PPM. */
#include "picture.h"

#include <errno.h>
#include <png.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decimal.h"

int picture_format_of(const char *path, enum picture_format *format)
{
	const char *dot = strrchr(path, '.');

	if (strcmp(path, "-") == 0 || (dot && strcasecmp(dot, ".png") == 0))
		*format = PICTURE_PNG;
	else if (dot && strcasecmp(dot, ".ppm") == 0)
		*format = PICTURE_PPM;
	else
		return -1;
	return 0;
}

static int write_png(const struct picture *picture, FILE *out, const char *name,
		     struct err *err)
{
	png_image png = {.version = PNG_IMAGE_VERSION,
			 .width = picture->width,
			 .height = picture->height,
			 .format = PNG_FORMAT_RGB};

	if (png_image_write_to_stdio(&png, out, 0, picture->rgb, 0, NULL))
		return 0;
	return err_set(err, ERR_HOST, "%s: %s", name, png.message);
}

int picture_write(const struct picture *picture, enum picture_format format, FILE *out,
		  const char *name, struct err *err)
{
	size_t size = (size_t)picture->width * picture->height * 3;

	if (format == PICTURE_PNG) {
		if (write_png(picture, out, name, err) < 0)
			return -1;
	} else {
		fprintf(out, "P6\n%u %u\n255\n", picture->width, picture->height);
		fwrite(picture->rgb, 1, size, out);
	}
	if (fflush(out) != 0 || ferror(out))
		return err_errno(err, ERR_HOST, errno, "%s", name);
	return 0;
}

int picture_read_ppm(const char *data, size_t len, struct picture *out, struct err *err)
{
	uint64_t width, height;
	const char *at = data;
	size_t left;

	*out = (struct picture){0};
	/* The text in front of the pixels; the caller's data ends with a NUL. */
	if (strncmp(at, "P6\n", 3) != 0 ||
	    !(at = decimal_read(at + 3, PICTURE_SIDE_MAX, &width)) || *at++ != ' ' ||
	    !(at = decimal_read(at, PICTURE_SIDE_MAX, &height)) ||
	    strncmp(at, "\n255\n", 5) != 0)
		goto wrong;
	at += 5;
	left = len - (size_t)(at - data);
	if (width == 0 || height == 0 || left > PICTURE_BYTES_MAX ||
	    left != width * height * 3)
		goto wrong;
	out->rgb = malloc(left);
	if (!out->rgb)
		return err_set(err, ERR_HOST, "out of memory");
	memcpy(out->rgb, at, left);
	out->width = (unsigned)width;
	out->height = (unsigned)height;
	return 0;
wrong:
	return err_set(err, ERR_STUB, "QEMU's picture is not of the agreed form");
}

void picture_free(struct picture *picture)
{
	free(picture->rgb);
	*picture = (struct picture){0};
}
