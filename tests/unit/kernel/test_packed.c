/* SPDX-License-Identifier: MIT */
/* Units of nub's compressed files: against liblz4 as encoder and as second decoder, and
 * against damage of every kind. */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* libc has this type of its own, as wide. */
#define ssize_t nub_ssize_t
#include <nub/lz4.h>
#include <nub/packed.h>
#undef ssize_t

#define BLOCK PACKED_BLOCK
#define ROUNDS 3000

static int (*compress_hc)(const char *src, char *dst, int size, int room, int level);
static int (*decompress)(const char *src, char *dst, int size, int room);

static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % n;
}

/* From noise to long runs: the encoder's output has matches of every kind. */
static void fill(uint8_t *buf, size_t n, unsigned kind)
{
	size_t i = 0;

	while (i < n) {
		size_t run = 1 + random_below(kind % 4 == 3 ? 2000 : 40);
		uint32_t back = i ? 1 + random_below((uint32_t)i) : 0;
		int again = back && random_below(4) < kind % 4;

		for (; run-- && i < n; i++)
			buf[i] = again ? buf[i - back] : (uint8_t)random_below(256);
	}
}

static int setup(void **state)
{
	void *lib = dlopen("liblz4.so.1", RTLD_NOW);

	if (!lib)
		return -1;
	*(void **)&compress_hc = dlsym(lib, "LZ4_compress_HC");
	*(void **)&decompress = dlsym(lib, "LZ4_decompress_safe");
	return compress_hc && decompress ? 0 : -1;
}

/* In blocks of their own, so that a byte too far is seen. */
static nub_ssize_t decode(const uint8_t *src, size_t size, uint8_t *dst, size_t room)
{
	uint8_t *in = malloc(size ? size : 1), *out = malloc(room ? room : 1);
	nub_ssize_t n;

	memcpy(in, src, size);
	n = lz4_decode(in, size, out, room);
	if (n > 0)
		memcpy(dst, out, (size_t)n);
	free(in);
	free(out);
	return n;
}

static void what_liblz4_packs_comes_back(void **state)
{
	static uint8_t data[BLOCK], packed[2 * BLOCK], out[2 * BLOCK];

	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t n = 1 + random_below(BLOCK);
		int size;

		fill(data, n, round);
		size = compress_hc((char *)data, (char *)packed, (int)n, sizeof(packed),
				   1 + (int)random_below(12));
		assert_true(size > 0);
		assert_int_equal(decode(packed, (size_t)size, out, n), n);
		assert_memory_equal(out, data, n);
		assert_int_equal(decode(packed, (size_t)size, out, 2 * BLOCK), n);
		assert_int_equal(decode(packed, (size_t)size, out, n - 1), -EIO);
		for (int cut = 0; cut < size; cut += 1 + size / 50)
			assert_true(decode(packed, (size_t)cut, out, n) < (nub_ssize_t)n);
	}
}

/* liblz4 refuses matches at the very end, and takes the offset 0, which the format
 * forbids.  A block that both take must mean the same. */
static void damage_means_what_it_means_to_liblz4(void **state)
{
	static uint8_t data[BLOCK], packed[2 * BLOCK], mine[BLOCK], theirs[BLOCK];
	unsigned taken = 0, refused = 0;

	for (unsigned round = 0; round < 10 * ROUNDS; round++) {
		size_t n = 1 + random_below(600);
		int size, got;
		nub_ssize_t m;

		fill(data, n, round);
		size = compress_hc((char *)data, (char *)packed, (int)n, sizeof(packed),
				   9);
		for (uint32_t i = 1 + random_below(3); i; i--)
			packed[random_below((uint32_t)size)] ^=
				(uint8_t)(1 + random_below(255));
		m = decode(packed, (size_t)size, mine, BLOCK);
		got = decompress((char *)packed, (char *)theirs, size, BLOCK);
		if (m >= 0 && got >= 0) {
			assert_int_equal(m, got);
			assert_memory_equal(mine, theirs, (size_t)got);
		}
		taken += m >= 0 && got >= 0;
		refused += m < 0;
	}
	assert_in_range(taken, ROUNDS, 10 * ROUNDS);
	assert_in_range(refused, ROUNDS / 10, 10 * ROUNDS);
}

static void blocks_by_hand(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		nub_ssize_t want;
		const char *text;
	} cases[] = {
		{"", 0, -EIO, NULL},
		{"\x00", 1, 0, ""},
		{"\x10"
		 "a",
		 2, 1, "a"},
		{"\x20"
		 "a",
		 2, -EIO, NULL}, /* a literal is missing */
		{"\x10"
		 "a\x01\x00\x00",
		 5, 5, "aaaaa"}, /* overlaps: one byte, again and again */
		{"\x10"
		 "a\x01\x00",
		 4, -EIO, NULL}, /* ends with a match */
		{"\x10"
		 "a\x01",
		 3, -EIO, NULL}, /* half an offset */
		{"\x10"
		 "a\x00\x00\x00",
		 5, -EIO, NULL}, /* offset 0 */
		{"\x10"
		 "a\x02\x00\x00",
		 5, -EIO, NULL},		 /* before the start */
		{"\xf0\xff\xff", 3, -EIO, NULL}, /* a length without end */
		{"\x1f"
		 "a\x01\x00\xff\xff",
		 6, -EIO, NULL},
		{"\xf0\xff\xff\x00", 4, -EIO, NULL}, /* more literals than there are */
	};
	uint8_t out[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		nub_ssize_t n = decode((const uint8_t *)cases[i].bytes, cases[i].size,
				       out, sizeof(out));

		assert_int_equal(n, cases[i].want);
		if (n > 0)
			assert_memory_equal(out, cases[i].text, (size_t)n);
	}
}

/* --- files --- */

#define PAGES 5
#define SIZE ((PAGES - 1) * BLOCK + 1234)

static uint8_t file_data[SIZE];

/* As image/stubimage/packed.py does it: the third block is noise and stays as it is. */
static uint8_t *pack(size_t *stored)
{
	uint8_t *out = calloc(1, PAGES * 4 + SIZE);
	uint32_t *ends = (uint32_t *)out, end = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		size_t n = i == PAGES - 1 ? SIZE - i * BLOCK : BLOCK;
		uint8_t *at = file_data + i * BLOCK, *to = out + PAGES * 4 + end;
		int size;

		fill(at, n, i == 2 ? 0 : 3);
		size = compress_hc((char *)at, (char *)to, (int)n, (int)n - 1, 9);
		if (size <= 0)
			memcpy(to, at, n);
		end += size > 0 ? (uint32_t)size : (uint32_t)n;
		ends[i] = end | (size > 0 ? 0 : PACKED_RAW);
	}
	*stored = PAGES * 4 + end;
	return realloc(out, *stored);
}

static void a_file_comes_back_page_by_page(void **state)
{
	uint8_t page[BLOCK];
	size_t stored;
	uint8_t *file = pack(&stored);

	assert_true(packed_valid(stored, SIZE));
	assert_true(((uint32_t *)file)[2] & PACKED_RAW);
	for (unsigned i = PAGES; i-- > 0;) {
		size_t n = i == PAGES - 1 ? SIZE - i * BLOCK : BLOCK;

		assert_int_equal(packed_decode(file, stored, SIZE, i, page), n);
		assert_memory_equal(page, file_data + i * BLOCK, n);
	}
	assert_int_equal(packed_decode(file, stored, SIZE, PAGES, page), -EIO);
	assert_int_equal(packed_decode(file, stored, SIZE, ~0UL, page), -EIO);
	free(file);
}

static void damaged_tables_are_refused(void **state)
{
	uint8_t page[BLOCK];
	size_t stored;
	uint8_t *file = pack(&stored);
	uint32_t *ends = (uint32_t *)file, kept;

	assert_false(packed_valid(0, 0));
	assert_false(packed_valid(PAGES * 4, SIZE));
	assert_false(packed_valid(PACKED_RAW, SIZE));
	assert_false(packed_valid(stored, 1UL << 40));
	assert_false(packed_valid(stored, ~0UL));
	kept = ends[1];
	ends[1] = 0x7fffffff; /* far beyond */
	assert_int_equal(packed_decode(file, stored, SIZE, 1, page), -EIO);
	assert_int_equal(packed_decode(file, stored, SIZE, 2, page), -EIO);
	ends[1] = (uint32_t)(stored - PAGES * 4 + 1); /* one byte */
	assert_int_equal(packed_decode(file, stored, SIZE, 1, page), -EIO);
	ends[1] = ends[0] - 1; /* backwards */
	assert_int_equal(packed_decode(file, stored, SIZE, 1, page), -EIO);
	ends[1] = kept | PACKED_RAW; /* raw, of another length */
	assert_int_equal(packed_decode(file, stored, SIZE, 1, page), -EIO);
	ends[1] = kept;
	assert_int_equal(packed_decode(file, stored, SIZE, 1, page), BLOCK);
	ends[2] &= ~PACKED_RAW; /* noise is no block, or not of this length */
	assert_int_equal(packed_decode(file, stored, SIZE, 2, page), -EIO);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_liblz4_packs_comes_back),
		cmocka_unit_test(damage_means_what_it_means_to_liblz4),
		cmocka_unit_test(blocks_by_hand),
		cmocka_unit_test(a_file_comes_back_page_by_page),
		cmocka_unit_test(damaged_tables_are_refused),
	};

	return cmocka_run_group_tests_name("packed files", tests, setup, NULL);
}
