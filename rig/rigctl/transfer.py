# SPDX-License-Identifier: MIT
"""Copies files into and out of dom0, as tar streams through the agent. Holes in sparse files
stay holes."""

import os
import subprocess

from . import wire
from .errors import RigError
from .link import BytesInput, FdInput

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


def push(rig, src, dst, timeout):
    src, dst = os.path.abspath(src), os.fspath(dst)
    if not os.path.lexists(src):
        raise RigError(f"{src}: no such file or directory")
    if not dst.startswith("/"):
        raise RigError(f"'{dst}' is not an absolute path in dom0")
    kind = "dir" if os.path.isdir(src) else "file"
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


def _sed(text):
    return text.replace("\\", "\\\\").replace("&", "\\&").replace("|", "\\|")
