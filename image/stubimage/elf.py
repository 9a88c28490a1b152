# SPDX-License-Identifier: MIT
"""Which shared libraries a 64-bit ELF program needs, found as ld.so finds them."""
import os
import struct

# ld.so's own search path on Debian/amd64; a plain distribution program has no other.
LIBRARY_DIRS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib")

PAGE = 4096
MAGIC = b"\x7fELF"
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NULL, DT_NEEDED, DT_PLTRELSZ, DT_STRTAB, DT_RELA, DT_RELASZ, DT_STRSZ = 0, 1, 2, 5, 7, 8, 10
DT_RPATH, DT_JMPREL, DT_RUNPATH, DT_RELRSZ, DT_RELR = 15, 23, 29, 35, 36


class ElfError(Exception):
    pass


class Elf:
    """`interpreter` (or None) and `needed` (sonames, in order) of one ELF file."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self._data = f.read()
        self.path = path
        if self._data[:6] != b"\x7fELF\x02\x01":
            raise ElfError(f"{path}: not a 64-bit little-endian ELF file")
        phoff, = struct.unpack_from("<Q", self._data, 32)
        phentsize, phnum = struct.unpack_from("<HH", self._data, 54)
        self._loads, dynamic = [], None
        self.interpreter = None
        for i in range(phnum):
            kind, _, offset, vaddr, _, filesz = struct.unpack_from(
                "<IIQQQQ", self._data, phoff + i * phentsize)
            if kind == PT_LOAD:
                self._loads.append((vaddr, offset, filesz))
            elif kind == PT_DYNAMIC:
                dynamic = (offset, filesz)
            elif kind == PT_INTERP:
                self.interpreter = self._string(offset)
        self._tags = self._read_tags(dynamic) if dynamic else []
        self.needed = self._read_needed()

    def _string(self, offset):
        return self._data[offset:self._data.index(b"\0", offset)].decode()

    def _offset(self, vaddr):
        for begin, offset, size in self._loads:
            if begin <= vaddr < begin + size:
                return vaddr - begin + offset
        raise ElfError(f"{self.path}: address {vaddr:#x} is in no segment")

    def _read_tags(self, dynamic):
        tags = []
        for at in range(dynamic[0], dynamic[0] + dynamic[1], 16):
            tag, value = struct.unpack_from("<QQ", self._data, at)
            if tag == DT_NULL:
                break
            tags.append((tag, value))
        return tags

    def _read_needed(self):
        strtab = [self._offset(value) for tag, value in self._tags if tag == DT_STRTAB]
        if any(tag in (DT_RPATH, DT_RUNPATH) for tag, _ in self._tags):
            raise ElfError(f"{self.path}: has a library search path of its own; "
                           "use the distribution's build")
        return [self._string(strtab[0] + value) for tag, value in self._tags if tag == DT_NEEDED]

    def _table(self, tag, size):
        """(offset, bytes) of a table that the dynamic section names; (0, 0): there is none."""
        tags = dict(self._tags)
        return (self._offset(tags[tag]), tags[size]) if tag in tags else (0, 0)

    def _relocated(self):
        """The addresses that ld.so writes to."""
        for tag, size in ((DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)):
            offset, size = self._table(tag, size)
            for address, _, _ in struct.iter_unpack("<QQQ", self._data[offset:offset + size]):
                yield address
        offset, size = self._table(DT_RELR, DT_RELRSZ)
        at = 0
        for entry, in struct.iter_unpack("<Q", self._data[offset:offset + size]):
            if entry & 1 == 0:  # an address
                yield entry
                at = entry + 8
                continue
            yield from (at + 8 * bit for bit in range(63) if entry >> (bit + 1) & 1)
            at += 8 * 63

    def linked_pages(self):
        """The file's pages that ld.so touches at each start: its tables, which the linker puts
        in front, and what is relocated."""
        tables = ((DT_STRTAB, DT_STRSZ), (DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ),
                  (DT_RELR, DT_RELRSZ))
        end = max(sum(self._table(tag, size)) for tag, size in tables)
        pages = set(range(-(-end // PAGE)))
        for address in self._relocated():
            for begin, offset, size in self._loads:
                if begin <= address < begin + size:  # else it is in the .bss
                    pages.add((address - begin + offset) // PAGE)
        return pages


def find_library(soname, wanted_by):
    for folder in LIBRARY_DIRS:
        path = os.path.join(folder, soname)
        if os.path.exists(path):
            return path
    raise ElfError(f"{wanted_by} needs {soname}, which is not installed")


def closure(program):
    """(path of ld.so, {soname: path}) of everything that `program` loads at its start."""
    elf = Elf(program)
    if not elf.interpreter:
        raise ElfError(f"{program}: statically linked")
    loader = os.path.basename(elf.interpreter)
    libraries = {}
    todo = [(soname, program) for soname in elf.needed]
    while todo:
        soname, wanted_by = todo.pop()
        if soname in libraries or soname == loader:
            continue
        libraries[soname] = find_library(soname, wanted_by)
        todo += [(s, soname) for s in Elf(libraries[soname]).needed]
    return elf.interpreter, libraries
