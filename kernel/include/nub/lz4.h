/* SPDX-License-Identifier: MIT */
/* Decoder of LZ4 blocks. */
#ifndef NUB_LZ4_H
#define NUB_LZ4_H

#include <nub/types.h>

/* Decodes one block (lz4's doc/lz4_Block_format.md) of `size` bytes into at most `room`
 * bytes that do not overlap it. Returns the bytes written or -EIO. For any block, nothing
 * outside src is read, nothing outside dst written, and the time is bounded by size +
 * room. The content of dst after -EIO is undefined. */
ssize_t lz4_decode(const u8 *src, size_t size, u8 *dst, size_t room);

#endif
