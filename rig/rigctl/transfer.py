# SPDX-License-Identifier: MIT
"""Copies files into and out of dom0, as tar streams through the agent. Holes in sparse files
stay holes."""

import os
import subprocess

from . import wire
from .errors import RigError
from .link import BytesInput, FdInput
from .machine import PRODUCT_SIZE
from .paths import Lock

# The disk that the host side writes while the rig runs: dom0's kernel may still have another content
# of it in its cache.
FIND_DISK = r"""
set -e
for block in /sys/block/*; do
	case $(cat "$block/serial" "$block/device/model" 2>/dev/null) in
	product*) dev=/dev/${block##*/} ;;
	esac
done
blockdev --flushbufs "$dev"
"""

# $1: the destination, $2: the source's name, $3: file or dir. Decides as cp does where to.
UNPACK = r"""
set -e
dst=$1
case $dst in */) mkdir -p "$dst" ;; esac
if [ -d "$dst" ]; then dst=${dst%/}/$2; fi
dir=$(dirname "$dst")
mkdir -p "$dir"
if [ "$3" = dir ]; then
	mkdir -p "$dst"
	exec tar -xpf - -C "$dst"
fi
tmp=$(mktemp -d -p "$dir")
trap 'rm -rf "$tmp"' EXIT
tar -xpf - -C "$tmp"
mv -fT "$tmp"/* "$dst"
"""


def _pack(path):
    """The tar command that packs `path`: a directory's content, or a file as itself."""
    if os.path.isdir(path):
        return ["tar", "-cSf", "-", "-C", path, "."]
    return ["tar", "-cSf", "-", "-C", os.path.dirname(path) or ".", "--",
            "./" + os.path.basename(path)]


# As UNPACK; $4: the length of the archive on the disk.
UNPACK_DISK = FIND_DISK + 'head -c "$4" "$dev" | (\n' + UNPACK + ")\n"
# $@: the command that writes an archive, which ends on a whole block.
PACK_DISK = FIND_DISK + 'set -o pipefail; "$@" | dd of="$dev" bs=1M iflag=fullblock oflag=direct status=none'


def disk_lock(rig):
    return f"{rig.machine.path('product.img')}.use"


def push(rig, src, dst, timeout):
    src, dst = os.path.abspath(src), os.fspath(dst)
    if not os.path.lexists(src):
        raise RigError(f"{src}: no such file or directory")
    if not dst.startswith("/"):
        raise RigError(f"'{dst}' is not an absolute path in dom0")
    kind = "dir" if os.path.isdir(src) else "file"
    if rig.machine.bulk_by_disk:
        _push_disk(rig, src, [dst, os.path.basename(src), kind], timeout)
        return
    said = []
    with subprocess.Popen(_pack(src), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as tar:
        end = rig.run(["sh", "-c", UNPACK, "push", dst, os.path.basename(src), kind],
                      FdInput(tar.stdout.fileno()), lambda kind, data: said.append(data), timeout)
        tar.stdout.close()
    if end["status"] or tar.returncode:
        raise RigError(f"cannot push {src} to {dst}: "
                       + b"".join(said).decode(errors="replace").strip())


def pull(rig, src, dst, timeout):
    src, dst = os.fspath(src), os.fspath(dst)
    kind = rig.exec(["sh", "-c", '[ -d "$1" ] && echo dir || { [ -e "$1" ] && echo file; }',
                     "pull", src]).text.strip()
    if not kind:
        raise RigError(f"{src}: no such file or directory in dom0")
    name = os.path.basename(src.rstrip("/"))
    dst = os.path.join(dst, name) if os.path.isdir(dst) or dst.endswith("/") else dst
    dst = os.path.abspath(dst)
    where = dst if kind == "dir" else os.path.dirname(dst)
    os.makedirs(where, exist_ok=True)
    pack = ["tar", "-cSf", "-", "-C", src, "."] if kind == "dir" else \
        ["tar", "-cSf", "-", "-C", os.path.dirname(src) or "/", "--", "./" + name]
    said = []
    unpack = ["tar", "-xpf", "-", "-C", where]
    if kind == "file":
        base = os.path.basename(dst)
        unpack += ["--transform", f"s|.*|{_sed(base)}|"]
    if rig.machine.bulk_by_disk:
        _pull_disk(rig, pack, unpack, timeout)
        return
    with subprocess.Popen(unpack, stdin=subprocess.PIPE) as tar:
        def sink(kind, data):
            if kind == wire.STDOUT:
                tar.stdin.write(data)
            else:
                said.append(data)
        end = rig.run(pack, BytesInput(), sink, timeout)
        tar.stdin.close()
    if end["status"] or tar.returncode:
        raise RigError(f"cannot pull {src} to {dst}: "
                       + b"".join(said).decode(errors="replace").strip())


def _push_disk(rig, src, arguments, timeout):
    with Lock(disk_lock(rig)), open(rig.machine.path("product.img"), "r+b") as disk:
        done = subprocess.run(_pack(src), stdin=subprocess.DEVNULL, stdout=disk, check=False)
        length = os.lseek(disk.fileno(), 0, os.SEEK_CUR)
        if done.returncode or length > PRODUCT_SIZE:
            raise RigError(f"cannot pack {src} for the rig's disk")
        rig.exec(["sh", "-c", UNPACK_DISK, "push", *arguments, str(length)], timeout=timeout,
                 check=True)


def _pull_disk(rig, pack, unpack, timeout):
    with Lock(disk_lock(rig)), open(rig.machine.path("product.img"), "rb") as disk:
        rig.exec(["bash", "-c", PACK_DISK, "pull", *pack], timeout=timeout, check=True)
        done = subprocess.run(unpack, stdin=disk, check=False)
        if done.returncode:
            raise RigError("cannot unpack what the rig wrote on its disk")


def _sed(text):
    return text.replace("\\", "\\\\").replace("&", "\\&").replace("|", "\\|")
