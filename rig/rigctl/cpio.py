# SPDX-License-Identifier: MIT
"""Writes cpio archives (newc) as the Linux kernel takes them for an initramfs."""

import os
import stat


class Cpio:
    def __init__(self):
        self.parts = []
        self.ino = 0

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self.ino += 1
        name = name.encode() + b"\0"
        fields = (self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields)
        self.parts.append(_pad(head + name) + _pad(data))

    def folder(self, name):
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, data)

    def copy(self, name, path):
        with open(path, "rb") as f:
            self.file(name, f.read(), stat.S_IMODE(os.stat(path).st_mode))

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self._entry(name, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def finish(self):
        self._entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def _pad(data):
    return data + b"\0" * (-len(data) % 4)
