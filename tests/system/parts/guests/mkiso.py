#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a CD that boots the BIOS test guest: El Torito without emulation, so the BIOS loads all of
it. Only the boot sector is another one, which has nothing to load."""
import argparse
import struct

SECTOR = 2048
PVD, BOOT_RECORD, END, CATALOG, IMAGE = 16, 17, 18, 19, 20
# cli; ax, ds, es, ss = 0; esp = 0x7c00; sti; cld; jmp 0:0x7e00, where the second stage is
BOOT_SECTOR = bytes.fromhex("fa31c08ed88ec08ed066bc007c0000fbfcea007e0000")


def both(n, fmt):
    """A number as ISO 9660 has it, in both byte orders."""
    return struct.pack("<" + fmt, n) + struct.pack(">" + fmt, n)


def volume_descriptor(sectors):
    root = (bytes([34, 0]) + both(0, "I") + both(0, "I") + bytes(7) + bytes([2, 0, 0]) +
            both(1, "H") + bytes([1, 0]))
    out = b"\1CD001\1\0" + b" " * 32 + b"STUBDOM".ljust(32) + bytes(8) + both(sectors, "I")
    out += bytes(32) + both(1, "H") + both(1, "H") + both(SECTOR, "H") + both(0, "I")
    out += bytes(16) + root
    return (out + b" " * 623 + b"0" * 68 + b"\1").ljust(SECTOR, b"\0")


def catalog(boot_sectors):
    validation = bytearray(b"\1\0\0\0" + b"qemu-stubdom test".ljust(24, b"\0") + b"\0\0\x55\xaa")
    total = sum(struct.unpack("<16H", validation)) & 0xFFFF
    struct.pack_into("<H", validation, 28, -total & 0xFFFF)
    # bootable, no emulation, loaded where every boot sector is
    return (bytes(validation) +
            struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, boot_sectors, IMAGE)).ljust(SECTOR, b"\0")


def loaded_whole(code):
    """Boot sector and second stage for who loads both at once: a CD's BIOS, or a network's."""
    return BOOT_SECTOR.ljust(512, b"\0") + code[512:]


def make_iso(code):
    """A CD with the code of boot sector and second stage."""
    code = loaded_whole(code)
    code += bytes(-len(code) % SECTOR)
    out = bytes(PVD * SECTOR) + volume_descriptor(IMAGE + len(code) // SECTOR)
    out += (b"\0CD001\1EL TORITO SPECIFICATION".ljust(71, b"\0") +
            struct.pack("<I", CATALOG)).ljust(SECTOR, b"\0")
    out += b"\xffCD001\1".ljust(SECTOR, b"\0") + catalog(len(code) // 512)
    return out + code


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("code", help="boot sector and second stage")
    parser.add_argument("out")
    args = parser.parse_args()
    with open(args.code, "rb") as f:
        iso = make_iso(f.read())
    with open(args.out, "wb") as f:
        f.write(iso)


if __name__ == "__main__":
    main()
