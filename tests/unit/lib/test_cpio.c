/* SPDX-License-Identifier: MIT */
/* The ramdisk's archive: byte for byte in the newc form. */
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpio.h"

struct entry {
	char name[64];
	unsigned mode;
	unsigned size;
	const char *data;
};

static char archive[65536];
static size_t archive_len;

static int new_file(void)
{
	int fd = memfd_create("cpio", 0);

	assert_true(fd >= 0);
	return fd;
}

static void load(int fd)
{
	archive_len = (size_t)lseek(fd, 0, SEEK_END);
	assert_true(archive_len < sizeof(archive));
	assert_int_equal(pread(fd, archive, archive_len, 0), (ssize_t)archive_len);
}

static unsigned field(size_t at, unsigned index)
{
	char text[9] = {0};

	memcpy(text, archive + at + 6 + index * 8, 8);
	return (unsigned)strtoul(text, NULL, 16);
}

/* An independent reader, from the format's description. */
static size_t next_entry(size_t at, struct entry *out)
{
	unsigned name_size;

	assert_true(at + 110 <= archive_len);
	assert_memory_equal(archive + at, "070701", 6);
	out->mode = field(at, 1);
	assert_int_equal(field(at, 2), 0);
	assert_int_equal(field(at, 5), 0);
	out->size = field(at, 6);
	name_size = field(at, 11);
	assert_true(name_size <= sizeof(out->name));
	memcpy(out->name, archive + at + 110, name_size);
	assert_int_equal(out->name[name_size - 1], 0);
	at = (at + 110 + name_size + 3) & ~(size_t)3;
	out->data = archive + at;
	return (at + out->size + 3) & ~(size_t)3;
}

static void test_entries(void **state)
{
	struct entry e;
	struct cpio cpio;
	struct err err;
	int fd = new_file();
	size_t at = 0;

	cpio_begin(&cpio, fd);
	assert_int_equal(cpio_add_dir(&cpio, "boot", 0755, &err), 0);
	assert_int_equal(cpio_add_bytes(&cpio, "boot.json", 0600, "hello", 5, &err), 0);
	assert_int_equal(cpio_add_bytes(&cpio, "empty", 0644, "", 0, &err), 0);
	assert_int_equal(cpio_end(&cpio, &err), 0);
	load(fd);
	assert_int_equal(archive_len % 512, 0);
	at = next_entry(at, &e);
	assert_string_equal(e.name, "boot");
	assert_int_equal(e.mode, 040755);
	at = next_entry(at, &e);
	assert_string_equal(e.name, "boot.json");
	assert_int_equal(e.mode, 0100600);
	assert_int_equal(e.size, 5);
	assert_memory_equal(e.data, "hello", 5);
	at = next_entry(at, &e);
	assert_string_equal(e.name, "empty");
	assert_int_equal(e.size, 0);
	next_entry(at, &e);
	assert_string_equal(e.name, "TRAILER!!!");
	close(fd);
}

static void test_file(void **state)
{
	char path[] = "/tmp/test-cpio-XXXXXX";
	int source = mkstemp(path);
	struct entry e;
	struct cpio cpio;
	struct err err;
	int fd = new_file();

	assert_true(source >= 0);
	assert_int_equal(write(source, "kernel!", 7), 7);
	cpio_begin(&cpio, fd);
	assert_int_equal(cpio_add_file(&cpio, "boot/kernel", 0600, path, &err), 0);
	assert_int_equal(cpio_end(&cpio, &err), 0);
	load(fd);
	next_entry(0, &e);
	assert_string_equal(e.name, "boot/kernel");
	assert_int_equal(e.size, 7);
	assert_memory_equal(e.data, "kernel!", 7);
	unlink(path);
	close(source);
	close(fd);
}

/* After any entry, data of a page and more begin on a page, and names stay legal. */
static void test_pages(void **state)
{
	char path[] = "/tmp/test-cpio-XXXXXX";
	int source = mkstemp(path);
	static char data[5000];

	assert_true(source >= 0);
	memset(data, 'x', sizeof(data));
	assert_int_equal(write(source, data, sizeof(data)), sizeof(data));
	for (size_t before = 0; before < 4200; before += 4) {
		struct cpio cpio;
		struct err err;
		int fd = new_file();
		size_t at = 0, size;

		cpio_begin(&cpio, fd);
		assert_int_equal(cpio_add_bytes(&cpio, "a", 0600, data, before, &err), 0);
		assert_int_equal(cpio_add_file(&cpio, "kernel", 0600, path, &err), 0);
		load(fd);
		do {
			size_t name = field(at, 11);

			assert_in_range(name, 1, 4096);
			size = field(at, 6);
			assert_int_equal(archive[at + 110 + name - 1], 0);
			at = (at + 110 + name + 3) & ~(size_t)3;
			if (size != sizeof(data) || archive[at] != 'x')
				at = (at + size + 3) & ~(size_t)3;
		} while (size != sizeof(data));
		assert_int_equal(at % 4096, 0);
		assert_memory_equal(archive + at, data, sizeof(data));
		close(fd);
	}
	unlink(path);
	close(source);
}

static void test_refused(void **state)
{
	static const char *const names[] = {"", "/abs", "../up", "a/../b"};
	struct cpio cpio;
	struct err err;
	int fd = new_file();

	cpio_begin(&cpio, fd);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(cpio_add_bytes(&cpio, names[i], 0600, "", 0, &err), -1);
	assert_int_equal(cpio_add_file(&cpio, "x", 0600, "/no/such/file", &err), -1);
	assert_non_null(strstr(err.msg, "/no/such/file"));
	assert_int_equal(cpio_add_file(&cpio, "x", 0600, "/tmp", &err), -1);
	assert_non_null(strstr(err.msg, "not a regular file"));
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
