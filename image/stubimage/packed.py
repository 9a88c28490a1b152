# SPDX-License-Identifier: MIT
"""Files packed page by page, as nub reads them (kernel/include/nub/packed.h)."""
import ctypes
import struct

BLOCK = 4096
RAW = 0x80000000
LEVEL = 12  # LZ4HC's highest: a second more for the whole image, more for long repetitions


class PackError(Exception):
    pass


def _lz4():
    try:
        return ctypes.CDLL("liblz4.so.1")
    except OSError as why:
        raise PackError(f"{why}; install liblz4-1") from why


def _compress(lib, block, level):
    out = ctypes.create_string_buffer(BLOCK)
    size = lib.LZ4_compress_HC(block, out, len(block), len(block) - 1, level)
    return out.raw[:size]


def pack(data, level=LEVEL):
    """The packed form of `data`, or None where that would save less than an eighth."""
    lib = _lz4()
    ends, blocks, end = [], [], 0
    for at in range(0, len(data), BLOCK):
        block = data[at:at + BLOCK]
        packed = _compress(lib, block, level)
        end += len(packed or block)
        ends.append(end | (0 if packed else RAW))
        blocks.append(packed or block)
    out = struct.pack(f"<{len(ends)}I", *ends) + b"".join(blocks)
    return out if len(out) < min(len(data) - len(data) // 8, RAW) else None


def unpack(stored, size):
    """The packed bytes again; PackError for bytes that were not packed so."""
    lib = _lz4()
    count = (size + BLOCK - 1) // BLOCK
    if len(stored) < 4 * count:
        raise PackError("a packed file is cut off")
    data, start = [], 0
    for i, end in enumerate(struct.unpack_from(f"<{count}I", stored)):
        block = stored[4 * count + start:4 * count + (end & ~RAW)]
        if not end & RAW:
            out = ctypes.create_string_buffer(BLOCK)
            n = lib.LZ4_decompress_safe(block, out, len(block), BLOCK)
            block = out.raw[:max(n, 0)]
        if len(block) != min(BLOCK, size - i * BLOCK):
            raise PackError(f"block {i} of a packed file is damaged")
        data.append(block)
        start = end & ~RAW
    return b"".join(data)

