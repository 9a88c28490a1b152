/* SPDX-License-Identifier: MIT */
/*
 * Compressed files of the ramdisk: what image/stubimage/packed.py writes, version 1.
 *
 * An archive entry whose magic is "0707z1" instead of newc's "070701" is a regular file
 * that is stored packed. Its file size field counts the stored bytes, its check field the
 * real ones. Stored are, for each 4096 bytes of the file, one little-endian u32, and
 * behind these the blocks, in order and without gaps. A block begins where the one before
 * it ends, and ends `end & ~PACKED_RAW` bytes behind the first block's start. It is one
 * LZ4 block, or, with PACKED_RAW, the bytes themselves. All blocks but the last make 4096
 * bytes.
 *
 * So every page of the file is found and decoded by itself.
 */
#ifndef NUB_PACKED_H
#define NUB_PACKED_H

#include <nub/types.h>

#define PACKED_MAGIC "0707z1"
#define PACKED_BLOCK 4096u
#define PACKED_RAW 0x80000000u

/* Whether `stored` bytes can be a packed file of `size` bytes: the table is there. */
bool packed_valid(u64 stored, u64 size);
/* Decodes the file's page `index` (its table must have it) into to[PACKED_BLOCK]. Returns
 * how many bytes it has, or -EIO when the block is damaged. `base` is 4-byte aligned. */
ssize_t packed_decode(const u8 *base, u64 stored, u64 size, u64 index, u8 *to);

#endif
