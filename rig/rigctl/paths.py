# SPDX-License-Identifier: MIT
"""The rig's folders and files, and the locks that guard them."""

import fcntl
import os
import re

from .errors import RigError

RIG = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TREE = os.path.dirname(RIG)
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                     "qemu-stubdom")
RIGS = os.path.join(CACHE, "rigs")


def build_dir():
    return os.path.join(TREE, os.environ.get("BUILD") or "build")


def state_dir(name):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", name):
        raise RigError(f"'{name}' is no name for a rig: letters, digits, '.', '_', '-', at most 40")
    return os.path.join(RIGS, name)


class Lock:
    """A file lock, held until close() or the end of every process that inherited it."""

    def __init__(self, path, shared=False, wait=True):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        while True:
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self.fd, mode)
                # The file may have been removed while we waited for its lock.
                if os.path.samestat(os.fstat(self.fd), os.stat(path)):
                    return
            except FileNotFoundError:
                pass
            except OSError:
                os.close(self.fd)
                raise
            os.close(self.fd)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
