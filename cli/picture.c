/* SPDX-License-Identifier: MIT */
/* Pictures as files: PNG and PPM. */
#include "picture.h"

#include <errno.h>
#include <png.h>
#include <string.h>
#include <strings.h>

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

static int write_png(const struct rfb_image *image, FILE *out, const char *name,
		     struct err *err)
{
	png_image png = {.version = PNG_IMAGE_VERSION,
			 .width = image->width,
			 .height = image->height,
			 .format = PNG_FORMAT_RGB};

	if (png_image_write_to_stdio(&png, out, 0, image->rgb, 0, NULL))
		return 0;
	return err_set(err, ERR_HOST, "%s: %s", name, png.message);
}

int picture_write(const struct rfb_image *image, enum picture_format format, FILE *out,
		  const char *name, struct err *err)
{
	size_t size = (size_t)image->width * image->height * 3;

	if (format == PICTURE_PNG) {
		if (write_png(image, out, name, err) < 0)
			return -1;
	} else {
		fprintf(out, "P6\n%u %u\n255\n", image->width, image->height);
		fwrite(image->rgb, 1, size, out);
	}
	if (fflush(out) != 0 || ferror(out))
		return err_errno(err, ERR_HOST, errno, "%s", name);
	return 0;
}
