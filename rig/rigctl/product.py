# SPDX-License-Identifier: MIT
"""Puts what was built into a rig, as `meson install` would."""

import os
import shutil
import subprocess

from .errors import RigError
from .link import FdInput
from .paths import build_dir


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
    return where if os.path.isdir(where) else None


def install(rig):
    where = stage()
    if not where:
        return
    said = []
    with subprocess.Popen(["tar", "-cSf", "-", "-C", where, "--owner=0", "--group=0", "."],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as tar:
        end = rig.run(["tar", "-xpf", "-", "-C", "/", "--no-overwrite-dir",
                       "--keep-directory-symlink"],
                      FdInput(tar.stdout.fileno()), lambda kind, data: said.append(data), 600)
    if end["status"]:
        raise RigError("cannot install the product in the rig: "
                       + b"".join(said).decode(errors="replace").strip())
