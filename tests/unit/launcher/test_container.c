/* SPDX-License-Identifier: MIT */
/* Headers of containers, made by hand; those of qemu-img are in tests/host/plan. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/container.h"

static uint8_t header[4096];

static void put(size_t at, uint64_t n, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; n >>= 8)
		header[at + i] = (uint8_t)n;
}

/* 1 GiB in clusters of 64 KiB, version 3. */
static void make_qcow2(const char *backing, const char *format)
{
	memset(header, 0, sizeof(header));
	put(0, 0x514649fb, 4);
	put(4, 3, 4);
	put(20, 16, 4);
	put(24, 1u << 30, 8);
	put(96, 4, 4);
	put(100, 104, 4);
	if (backing) {
		put(8, 1024, 8);
		put(16, strlen(backing), 4);
		memcpy(header + 1024, backing, strlen(backing));
	}
	if (format) {
		put(104, 0x11111111, 4); /* some other extension, with padding */
		put(108, 3, 4);
		put(120, 0xe2792aca, 4);
		put(124, strlen(format), 4);
		memcpy(header + 128, format, strlen(format));
	}
}

static struct container parse(const char *format, size_t len)
{
	struct container c = {0};
	/* Bytes behind the end are a sanitizer's business. */
	uint8_t *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, header, len);
	container_parse(copy, len, format, &c);
	free(copy);
	return c;
}

static void test_qcow2(void **state)
{
	struct container c = {0};
	uint64_t before;

	make_qcow2(NULL, NULL);
	c = parse("qcow2", sizeof(header));
	assert_int_equal(c.fault, CONTAINER_OK);
	assert_string_equal(c.backing, "");
	/* Data, its tables and some room, not several times that. */
	assert_in_range(c.bytes, (1u << 30) + (8192 * 2), (1u << 30) * 11ull / 10);
	before = c.bytes;
	put(60, 1, 4); /* a snapshot may hold as much again */
	assert_true(parse("qcow2", sizeof(header)).bytes > before * 19 / 10);
	/* So does one that is yet to be made; and the guest's disk may get longer. */
	make_qcow2(NULL, NULL);
	c = (struct container){.more = 1};
	container_parse(header, sizeof(header), "qcow2", &c);
	assert_true(c.bytes > before * 19 / 10 && c.bytes < before * 21 / 10);
	c = (struct container){.size = 3ull << 30};
	container_parse(header, sizeof(header), "qcow2", &c);
	assert_in_range(c.bytes, 3ull << 30, (3ull << 30) * 11 / 10);
	c = (struct container){.size = 1}; /* not shorter than it is */
	container_parse(header, sizeof(header), "qcow2", &c);
	assert_int_equal(c.bytes, before);
	make_qcow2("base.img", "raw");
	c = parse("qcow2", sizeof(header));
	assert_int_equal(c.fault, CONTAINER_OK);
	assert_string_equal(c.backing, "base.img");
	assert_string_equal(c.backing_format, "raw");
	make_qcow2("/b", NULL);
	c = parse("qcow2", sizeof(header));
	assert_string_equal(c.backing, "/b");
	assert_string_equal(c.backing_format, "");
	put(72, 4, 8);
	assert_int_equal(parse("qcow2", sizeof(header)).fault, CONTAINER_DATA_FILE);
}

static void wrong_at(size_t at, uint64_t n, size_t bytes)
{
	make_qcow2("base.img", "raw");
	put(at, n, bytes);
	assert_int_equal(parse("qcow2", sizeof(header)).fault, CONTAINER_WRONG);
}

static void test_damaged_qcow2(void **state)
{
	wrong_at(0, 0, 4); /* magic */
	wrong_at(4, 1, 4); /* version */
	wrong_at(4, 4, 4);
	wrong_at(8, sizeof(header) - 7, 8); /* name beyond the end */
	wrong_at(8, UINT64_MAX, 8);
	wrong_at(16, 1024, 4); /* name too long */
	wrong_at(20, 8, 4);    /* cluster size */
	wrong_at(20, 22, 4);
	wrong_at(20, UINT32_MAX, 4);
	wrong_at(24, UINT64_MAX, 8); /* disk size */
	wrong_at(60, UINT32_MAX, 4); /* snapshots */
	wrong_at(96, 7, 4);	     /* refcounts */
	wrong_at(100, 71, 4);	     /* header's length */
	wrong_at(100, sizeof(header) + 1, 4);
	wrong_at(124, 32, 4); /* format's name too long */
	make_qcow2("a\0b", "raw");
	put(16, 3, 4);
	assert_int_equal(parse("qcow2", sizeof(header)).fault, CONTAINER_WRONG);
	make_qcow2("base.img", "raw");
	for (size_t len = 0; len < 1024 + 8; len++)
		assert_int_equal(parse("qcow2", len).fault, CONTAINER_WRONG);
}

static void test_vhd(void **state)
{
	memset(header, 0, sizeof(header));
	/* Without a header in front it is a fixed one. */
	assert_int_equal(parse("vpc", 512).fault, CONTAINER_OK);
	assert_int_equal(parse("vpc", 512).bytes, 0);
	memcpy(header, "conectix", 8);
	put(16, 512, 8);
	put(60, 3, 4);
	assert_int_equal(parse("vpc", 4096).fault, CONTAINER_WRONG);
	memcpy(header + 512, "cxsparse", 8);
	put(512 + 16, 1536, 8);
	put(512 + 28, 10, 4);
	put(512 + 32, 2 << 20, 4);
	/* header, ten blocks with a sector of bitmap each, footer */
	assert_int_equal(parse("vpc", 4096).bytes, 2048 + 10 * ((2 << 20) + 512) + 512);
	assert_int_equal(parse("vpc", 1535).fault, CONTAINER_WRONG);
	put(60, 4, 4);
	assert_int_equal(parse("vpc", 4096).fault, CONTAINER_PARENT);
	put(60, 2, 4);
	assert_int_equal(parse("vpc", 4096).bytes, 0);
}

static void test_vdi(void **state)
{
	memset(header, 0, sizeof(header));
	assert_int_equal(parse("vdi", 512).fault, CONTAINER_WRONG);
	put(0x40, 0x7f10dabe, 4); /* little endian */
	put(0x158, 0x00001000, 4);
	put(0x178, 0x00001000, 4);
	put(0x180, 0x03000000, 4);
	assert_int_equal(parse("vdi", 512).fault, CONTAINER_OK);
	assert_int_equal(parse("vdi", 512).bytes, 0x100000 + 3 * 0x100000);
	assert_int_equal(parse("vdi", 400).fault, CONTAINER_WRONG);
}

/* By the process without privileges: the same, and an error that says what to do. */
static void test_read(void **state)
{
	char path[] = "/tmp/test_container.XXXXXX";
	int fd = mkstemp(path);
	struct container c = {0}, expected;
	struct err err;

	assert_true(fd >= 0);
	make_qcow2("base.img", "raw");
	assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
	expected = parse("qcow2", sizeof(header));
	assert_int_equal(container_read(fd, path, "qcow2", &c, &err), 0);
	assert_memory_equal(&c, &expected, sizeof(c));
	assert_int_equal(container_read(fd, path, "vdi", &c, &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	assert_non_null(strstr(err.msg, "is no vdi image"));
	put(72, 4, 8);
	assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
	assert_int_equal(container_read(fd, path, "qcow2", &c, &err), -1);
	assert_non_null(strstr(err.msg, "its data is in another file"));
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qcow2), cmocka_unit_test(test_damaged_qcow2),
		cmocka_unit_test(test_vhd),   cmocka_unit_test(test_vdi),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
