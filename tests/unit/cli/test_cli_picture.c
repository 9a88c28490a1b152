/* SPDX-License-Identifier: MIT */
/* Pictures as files, read back. */
#include "unit.h"

#include <png.h>
#include <stdio.h>
#include <string.h>

#include "picture.h"

static unsigned char pixels[] = {255, 0, 0, 0, 255, 0, 0, 0, 255,
				 1,   2, 3, 4, 5,   6, 7, 8, 9};
static const struct picture image = {.width = 3, .height = 2, .rgb = pixels};

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

/* Not as another domain describes it: its text, its length, its size. */
static void test_read(void **state)
{
	static const struct {
		const char *text;
		size_t pixels;
	} wrong[] = {
		{"", 0},
		{"P6", 0},
		{"P5\n1 1\n255\n", 3},
		{"P6\n1 1\n65535\n", 3},
		{"P6\n0 1\n255\n", 0},
		{"P6\n1 1\n255\n", 2},
		{"P6\n1 1\n255\n", 4},
		{"P6\n16385 1\n255\n", 49155},
		{"P6\n-1 1\n255\n", 3},
		{"P6\n4294967297 1\n255\n", 3},
		{"P6 1 1\n255\n", 3},
	};
	char data[65536] = "P6\n3 2\n255\n";
	struct picture back;
	struct err err;

	memcpy(data + 11, pixels, sizeof(pixels));
	assert_int_equal(picture_read_ppm(data, 11 + sizeof(pixels), &back, &err), 0);
	assert_int_equal(back.width, 3);
	assert_int_equal(back.height, 2);
	assert_memory_equal(back.rgb, pixels, sizeof(pixels));
	picture_free(&back);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(data, 0, sizeof(data));
		strcpy(data, wrong[i].text);
		assert_int_equal(picture_read_ppm(data,
						  strlen(wrong[i].text) + wrong[i].pixels,
						  &back, &err),
				 -1);
		assert_int_equal(err.code, ERR_STUB);
	}
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
		cmocka_unit_test(test_format), cmocka_unit_test(test_png),
		cmocka_unit_test(test_ppm),    cmocka_unit_test(test_read),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
