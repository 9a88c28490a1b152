/* SPDX-License-Identifier: MIT */
/* Pictures as files, read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <png.h>
#include <stdio.h>
#include <string.h>

#include "picture.h"

static unsigned char pixels[] = {255, 0, 0, 0, 255, 0, 0, 0, 255,
				 1,   2, 3, 4, 5,   6, 7, 8, 9};
static const struct rfb_image image = {.width = 3, .height = 2, .rgb = pixels};

static void test_format(void **state)
{
	enum picture_format format;

	assert_int_equal(picture_format_of("a.b.png", &format), 0);
	assert_int_equal(format, PICTURE_PNG);
	assert_int_equal(picture_format_of("x.PPM", &format), 0);
	assert_int_equal(format, PICTURE_PPM);
	assert_int_equal(picture_format_of("-", &format), 0);
	assert_int_equal(format, PICTURE_PNG);
	assert_int_equal(picture_format_of("x.jpg", &format), -1);
	assert_int_equal(picture_format_of("png", &format), -1);
}

static void test_png(void **state)
{
	png_image png = {.version = PNG_IMAGE_VERSION};
	unsigned char back[sizeof(pixels)];
	FILE *f = tmpfile();
	struct err err;

	assert_int_equal(picture_write(&image, PICTURE_PNG, f, "x", &err), 0);
	rewind(f);
	assert_int_not_equal(png_image_begin_read_from_stdio(&png, f), 0);
	assert_int_equal(png.width, 3);
	assert_int_equal(png.height, 2);
	png.format = PNG_FORMAT_RGB;
	assert_int_not_equal(png_image_finish_read(&png, NULL, back, 0, NULL), 0);
	assert_memory_equal(back, pixels, sizeof(pixels));
	fclose(f);
}

static void test_ppm(void **state)
{
	char back[64];
	FILE *f = tmpfile();
	struct err err;
	size_t n;

	assert_int_equal(picture_write(&image, PICTURE_PPM, f, "x", &err), 0);
	rewind(f);
	n = fread(back, 1, sizeof(back), f);
	assert_int_equal(n, 11 + sizeof(pixels));
	assert_memory_equal(back, "P6\n3 2\n255\n", 11);
	assert_memory_equal(back + 11, pixels, sizeof(pixels));
	fclose(f);
}

static void test_full(void **state)
{
	FILE *f = fopen("/dev/full", "w");
	struct err err;

	assert_non_null(f);
	assert_int_equal(picture_write(&image, PICTURE_PPM, f, "/dev/full", &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	assert_string_equal(err.msg, "/dev/full: No space left on device");
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_ppm),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
