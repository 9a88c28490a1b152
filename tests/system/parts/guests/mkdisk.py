#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a test disk: a header that says which sectors to check, and data that a seed decides."""
import argparse
import hashlib
import struct
import zlib

SECTOR = 512
HEADER_LBA = 63
FIRST_LBA = 64
DATA_SECTORS = 64
HEADER = struct.Struct("<8sIIII")


def pattern(seed, length):
    """`length` bytes that follow from the seed alone."""
    out = bytearray()
    block = hashlib.sha256(b"qemu-stubdom test disk %d" % seed).digest()
    while len(out) < length:
        out += block
        block = hashlib.sha256(block).digest()
    return bytes(out[:length])


def make_disk(seed, size=1 << 20, boot=b""):
    """The content of a disk; `boot` goes to its first sectors."""
    if len(boot) > HEADER_LBA * SECTOR:
        raise ValueError(f"boot code of {len(boot)} bytes runs into the header")
    data = pattern(seed, DATA_SECTORS * SECTOR)
    header = HEADER.pack(b"QSTDDISK", 1, FIRST_LBA, DATA_SECTORS, zlib.crc32(data))
    disk = bytearray(size)
    disk[: len(boot)] = boot
    start = HEADER_LBA * SECTOR
    disk[start : start + len(header)] = header
    start = FIRST_LBA * SECTOR
    disk[start : start + len(data)] = data
    return bytes(disk)


def data_crc(disk):
    """The checksum that the BIOS guest reports for this disk, eight hexadecimal digits."""
    return "%08x" % HEADER.unpack_from(disk, HEADER_LBA * SECTOR)[4]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boot", help="file with boot sector and second stage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=1 << 20, help="bytes (1 MiB)")
    parser.add_argument("out")
    args = parser.parse_args()
    boot = b""
    if args.boot:
        with open(args.boot, "rb") as f:
            boot = f.read()
    disk = make_disk(args.seed, args.size, boot)
    with open(args.out, "wb") as f:
        f.write(disk)


if __name__ == "__main__":
    main()
