# SPDX-License-Identifier: MIT
"""Puts what was built into a rig, as `meson install` would put it. It travels on a disk of the
rig whose content is written anew each time: several times faster than through the agent."""

import hashlib
import os
import shutil
import subprocess

from .errors import RigError
from .machine import PRODUCT_SIZE
from .paths import Lock, build_dir
from .transfer import FIND_DISK, disk_lock

# $1: which product this is. The kernel may still have another content of the disk in its cache.
COPY = FIND_DISK + r"""
mkdir -p /run/product
mount -o ro,noatime "$dev" /run/product
trap 'umount /run/product' EXIT
cp -a --remove-destination /run/product/. /
echo "$1" >/etc/rig-product
"""


def stage():
    """Installs the build into a directory of its own; None when nothing was built."""
    build = build_dir()
    if not os.path.exists(os.path.join(build, "build.ninja")):
        return None
    where = os.path.join(build, "rig-stage")
    shutil.rmtree(where, ignore_errors=True)
    done = subprocess.run(["meson", "install", "-C", build, "--quiet", "--destdir", where],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RigError(f"meson install failed:\n{done.stdout[-4000:]}")
    return where if os.path.isdir(where) and os.listdir(where) else None


def staged():
    where = os.path.join(build_dir(), "rig-stage")
    if not os.path.isdir(where):
        raise RigError(f"{where} is not there: STUBDOM_PLATFORM=... rig/workbench -- rig/build makes it")
    return where


def identity(where):
    """A hash of names, modes and contents below `where`."""
    h = hashlib.sha256()
    for folder, dirs, files in os.walk(where):
        dirs.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            info = os.lstat(path)
            h.update(f"{os.path.relpath(path, where)} {info.st_mode:o} {info.st_size}\n".encode())
            if os.path.islink(path):
                h.update(os.readlink(path).encode())
            else:
                with open(path, "rb") as f:
                    h.update(hashlib.file_digest(f, "sha256").digest())
    return h.hexdigest()


def install(rig, anew=True):
    """Without `anew` the build was staged by rig/build already, on the release that it is for: the
    meson of another one does not take it."""
    if not os.path.isdir(build_dir()):
        return
    # Another rig of this tree may be doing the same; on this one a file may be on the disk.
    with Lock(os.path.join(build_dir(), "rig-stage.lock")), Lock(disk_lock(rig)):
        _install(rig, stage() if anew else staged())


def _install(rig, where):
    if not where:
        return
    name = identity(where)
    if rig.exec(["cat", "/etc/rig-product"]).text.strip() == name:
        return
    done = subprocess.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal",
         "-d", where, rig.machine.path("product.img"), f"{PRODUCT_SIZE >> 10}K"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    if done.returncode:
        raise RigError(f"cannot make the disk that carries the product: {done.stdout.strip()}")
    rig.exec(["sh", "-c", COPY, "install", name], timeout=300, check=True)
