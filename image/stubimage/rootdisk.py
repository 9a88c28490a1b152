# SPDX-License-Identifier: MIT
"""The root's disk, which all stub domains of a host share: an EROFS file system. nub finds the pages of
a file by the extents in the archive (kernel/include/nub/ondisk.h), Linux by the file system's tables.

The format is Linux' fs/erofs/erofs_fs.h. Nothing is packed. Each page of a file has a number of its own in
the block map behind its inode, so it may lie anywhere. Pages that are touched at each start lie
together, in front of all others.

Order: superblock, inodes with their block maps, directories, pages of files.
"""
import struct

from . import cpio
from .cpio import PAGE

AHEAD = 1 << 31
SUPER_OFFSET, SUPER_SIZE = 1024, 128
SUPER_MAGIC = 0xE0F5E1E2
INCOMPAT_CHUNKED_FILE = 4
INODE_SIZE = 32       # a compact one, and the unit of inode numbers
LAYOUT_SHIFT = 1      # in i_format
FLAT_PLAIN, CHUNK_BASED = 0, 4
DIRENT_SIZE = 12
FT_REG_FILE, FT_DIR = 1, 2


class _Node:
    """A file or directory. `name` is its path, "" the root's."""

    def __init__(self, entry):
        self.entry, self.name = entry, entry.name
        self.places = [0] * -(-len(entry.data) // PAGE)  # of a file: the disk's page of each of its pages
        self.children = {}  # of a directory: nodes by name, "." and ".." among them
        self.blocks = []    # of a directory: the names in each of its blocks
        self.first = 0      # of a directory: its first block
        self.nid = 0        # its inode's number


def _tree(files):
    nodes = {n.name: n for n in map(_Node, [cpio.directory(""), *cpio.with_parents(files)])}
    for node in nodes.values():
        parent = nodes[node.name.rpartition("/")[0]]
        if node.name:
            parent.children[node.name.rpartition("/")[2].encode()] = node
        if not node.entry.is_file:
            node.children.update({b".": node, b"..": parent})
    for node in nodes.values():
        room = 0
        for name in sorted(node.children):
            room -= DIRENT_SIZE + len(name)
            if room < 0:
                node.blocks.append([])
                room = PAGE - DIRENT_SIZE - len(name)
            node.blocks[-1].append(name)
    return list(nodes.values())


def _place(nodes):
    """Gives each node its numbers; the number of the disk's pages."""
    at = SUPER_OFFSET + SUPER_SIZE
    for node in nodes:
        node.nid = at // INODE_SIZE
        at += INODE_SIZE + 4 * len(node.places)
        at += -at % INODE_SIZE
    page = -(-at // PAGE)
    for node in nodes:
        node.first = page
        page += len(node.blocks)
    for ahead in (True, False):
        for node in nodes:
            for i in range(len(node.places)):
                if (i in node.entry.ahead) == ahead:
                    node.places[i] = page
                    page += 1
    return page


def _directory(node):
    """Its blocks, the last one as far as it is used: entries in the order of their names, and the names."""
    blocks = b""
    for names in node.blocks:
        blocks += bytes(-len(blocks) % PAGE)
        entries, at = b"", DIRENT_SIZE * len(names)
        for name in names:
            child = node.children[name]
            kind = FT_REG_FILE if child.entry.is_file else FT_DIR
            entries += struct.pack("<QHBB", child.nid, at, kind, 0)
            at += len(name)
        blocks += entries + b"".join(names)
    return blocks


def _inode(number, node, size):
    links, layout, place = 1, CHUNK_BASED, 0
    if not node.entry.is_file:
        links = sum(not child.entry.is_file for child in node.children.values())
        layout, place = FLAT_PLAIN, node.first
    return struct.pack("<HHHHIIIIHHI", layout << LAYOUT_SHIFT, 0, node.entry.mode, links, size, 0, place,
                       number, 0, 0, 0) + struct.pack(f"<{len(node.places)}I", *node.places)


def _superblock(nodes, pages, mtime):
    out = struct.pack("<IIIBBHQQIIII", SUPER_MAGIC, 0, 0, PAGE.bit_length() - 1, 0, nodes[0].nid,
                      len(nodes), mtime, 0, pages, 0, 0)
    return (out + bytes(32) + struct.pack("<I", INCOMPAT_CHUNKED_FILE)).ljust(SUPER_SIZE, b"\0")


def _extents(node):
    """The file's places as the archive has them."""
    extents = []
    for page, place in enumerate(node.places):
        place |= AHEAD if page in node.entry.ahead else 0
        if extents and sum(extents[-1]) == place:
            extents[-1][0] += 1
        else:
            extents.append([1, place])
    return b"".join(struct.pack("<II", *extent) for extent in extents)


def _is_on_disk(entry):
    return entry.is_file and bool(entry.data) and not entry.early


def make(entries, mtime=0):
    """(the disk's bytes, {name: the places of a file on it}), byte for byte reproducible."""
    nodes = _tree([entry for entry in entries if _is_on_disk(entry)])
    pages = _place(nodes)
    disk = bytearray(pages * PAGE)

    def put(at, data):
        disk[at:at + len(data)] = data

    put(SUPER_OFFSET, _superblock(nodes, pages, mtime))
    for number, node in enumerate(nodes, 1):
        listing = b"" if node.entry.is_file else _directory(node)
        put(node.first * PAGE, listing)
        put(node.nid * INODE_SIZE, _inode(number, node, len(node.entry.data) or len(listing)))
        for i, place in enumerate(node.places):
            put(place * PAGE, node.entry.data[i * PAGE:(i + 1) * PAGE])
    return bytes(disk), {n.name: _extents(n) for n in nodes if n.entry.is_file}


def read(disk, extents):
    """The pages of a file, whole ones."""
    data = b""
    for pages, place in struct.iter_unpack("<II", extents):
        at = (place & ~AHEAD) * PAGE
        data += disk[at:at + pages * PAGE]
    return data
