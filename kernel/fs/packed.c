/* SPDX-License-Identifier: MIT */
/* Compressed files of the ramdisk, page by page. */
#include <nub/errno.h>
#include <nub/lz4.h>
#include <nub/packed.h>
#include <nub/string.h>

static u64 blocks_of(u64 size)
{
	return size / PACKED_BLOCK + (size % PACKED_BLOCK != 0);
}

bool packed_valid(u64 stored, u64 size)
{
	return size && stored < PACKED_RAW && blocks_of(size) * sizeof(u32) < stored;
}

ssize_t packed_decode(const u8 *base, u64 stored, u64 size, u64 index, u8 *to)
{
	const u32 *ends = (const u32 *)base;
	u64 table = blocks_of(size) * sizeof(u32), start, end, want;
	ssize_t n;

	if (!packed_valid(stored, size) || index >= blocks_of(size))
		return -EIO;
	start = index ? ends[index - 1] & ~PACKED_RAW : 0;
	end = ends[index] & ~PACKED_RAW;
	if (start > end || end > stored - table)
		return -EIO;
	want = size - index * PACKED_BLOCK;
	want = want < PACKED_BLOCK ? want : PACKED_BLOCK;
	if (ends[index] & PACKED_RAW) {
		n = (ssize_t)(end - start);
		if ((u64)n == want)
			memcpy(to, base + table + start, want);
	} else {
		n = lz4_decode(base + table + start, end - start, to, want);
	}
	return n >= 0 && (u64)n == want ? n : -EIO;
}
