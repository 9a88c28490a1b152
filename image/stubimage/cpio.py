# SPDX-License-Identifier: MIT
"""Archives in the newc format, as the Linux kernel unpacks them, byte for byte reproducible.

File data of a page or more begins on a page boundary of the archive. So a kernel that finds the
archive in memory can map a file where it lies. newc has no field for that; the names are padded
with NULs instead, as dracut-cpio does it. Linux and GNU cpio read such a name as the name alone.

With `pack` files are stored compressed where that saves something, under a magic of their own, for
nub alone (kernel/include/nub/packed.h). Of files in `places` the archive has no bytes, but where they
are on the root's disk (rootdisk.py; kernel/include/nub/ondisk.h).
"""
import stat

from . import packed

PAGE = 4096
HEADER = 110          # "070701" and 13 fields of 8 hexadecimal digits
NAME_MAX = 4096       # Linux skips an entry with a longer name field (PATH_MAX)
TRAILER = "TRAILER!!!"
MAGIC, MAGIC_PACKED, MAGIC_ON_DISK = b"070701", b"0707z1", b"0707d2"


class CpioError(Exception):
    pass


class Entry:
    """One file, directory or device.  `name` is relative, without a leading slash."""

    def __init__(self, name, mode, data=b"", rdev=(0, 0), early=False, ahead=()):
        self.name, self.mode, self.data, self.rdev = name, mode, data, rdev
        self.early = early  # needed before there is a disk
        self.ahead = ahead  # numbers of the pages that are touched at each start

    @property
    def is_file(self):
        return stat.S_ISREG(self.mode)


def file(name, data, mode=0o644, early=False, ahead=()):
    return Entry(name, stat.S_IFREG | mode, data, early=early, ahead=ahead)


def directory(name, mode=0o755):
    return Entry(name, stat.S_IFDIR | mode)


def char_device(name, major, minor, mode=0o600):
    return Entry(name, stat.S_IFCHR | mode, rdev=(major, minor))


def with_parents(entries):
    """The entries sorted by name, each after the directories that hold it."""
    every = {}
    for entry in entries:
        if entry.name in every:
            raise CpioError(f"{entry.name}: twice in one archive")
        every[entry.name] = entry
    for name in list(every):
        parts = name.split("/")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            every.setdefault(parent, directory(parent))
    return [every[name] for name in sorted(every, key=lambda n: n.split("/"))]


def _header(ino, entry, namesize, mtime, magic, stored):
    directory_links = 2 if stat.S_ISDIR(entry.mode) else 1
    size, check = (len(entry.data), 0) if magic == MAGIC else (len(stored), len(entry.data))
    fields = (ino, entry.mode, 0, 0, directory_links, mtime, size,
              0, 0, entry.rdev[0], entry.rdev[1], namesize, check)
    return magic + b"".join(b"%08X" % f for f in fields)


def _put(out, ino, entry, namesize, mtime, magic=MAGIC, stored=None):
    name = entry.name.encode()
    out += _header(ino, entry, namesize, mtime, magic, stored)
    out += name.ljust(namesize, b"\0")
    out += bytes(-len(out) % 4)
    out += entry.data if stored is None else stored
    out += bytes(-len(out) % 4)


def _namesize_to_align(offset, shortest):
    """The name field's size that puts the data of an entry at `offset` on a page."""
    return shortest + -(offset + HEADER + shortest) % PAGE


def _store(entry, pack, places):
    """(magic, stored bytes) of an entry."""
    if entry.name in places:
        return MAGIC_ON_DISK, places[entry.name]
    packed_data = packed.pack(entry.data) if pack and entry.is_file and entry.data else None
    return (MAGIC, None) if packed_data is None else (MAGIC_PACKED, packed_data)


def write(entries, mtime=0, pack=False, places=None):
    """The archive as bytes; its length is a multiple of the page size."""
    out = bytearray()
    ino = 1
    for entry in with_parents(entries):
        shortest = len(entry.name.encode()) + 1
        namesize = shortest
        magic, stored = _store(entry, pack, places or {})
        if magic == MAGIC and entry.is_file and len(entry.data) >= PAGE:
            namesize = _namesize_to_align(len(out), shortest)
            if namesize > NAME_MAX:
                # Too far for one name: "." again, with half of the way in its name.
                _put(out, 0, directory("."), PAGE // 2 + 2, mtime)
                namesize = _namesize_to_align(len(out), shortest)
        _put(out, ino, entry, namesize, mtime, magic, stored)
        ino += 1
    _put(out, 0, Entry(TRAILER, 0), len(TRAILER) + 1, 0)
    out += bytes(-len(out) % PAGE)
    return bytes(out)


def read(archive, read_places=lambda stored: b""):
    """Yields (offset of the data, Entry) for each entry before the trailer."""
    offset = 0
    while True:
        header = archive[offset:offset + HEADER]
        if len(header) < HEADER or header[:6] not in (MAGIC, MAGIC_PACKED, MAGIC_ON_DISK):
            raise CpioError(f"no newc header at offset {offset}")
        fields = [int(header[6 + 8 * i:14 + 8 * i], 16) for i in range(13)]
        mode, size, rmajor, rminor, namesize, check = (fields[i] for i in (1, 6, 9, 10, 11, 12))
        begin = offset + HEADER
        name = archive[begin:begin + namesize].split(b"\0", 1)[0].decode()
        begin += namesize
        begin += -begin % 4
        if begin + size > len(archive):
            raise CpioError(f"{name}: cut off")
        if name == TRAILER:
            return
        data = archive[begin:begin + size]
        if header[:6] == MAGIC_PACKED:
            data = packed.unpack(data, check)
        elif header[:6] == MAGIC_ON_DISK:
            data = read_places(data)[:check]
            if len(data) != check:
                raise CpioError(f"{name}: not on the disk")
        yield begin, Entry(name, mode, data, (rmajor, rminor))
        offset = begin + size
        offset += -offset % 4
