# SPDX-License-Identifier: MIT
"""An image in dom0 whose agent is tests/system/parts/hostile: channels called evil-... attack, or
stream."""
import hashlib
import json
import os
import sys
import tempfile

from .guest import Stub

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/system/parts/guests"))
import mkinitramfs  # noqa: E402

IMAGE = "/var/lib/qemu-stubdom/image"
HOSTILE = "/opt/hostile"
BLOCK = 4096


def install(dom0, stub, build):
    """The stub domain to ask for instead: its /init is in an archive behind the others, which
    wins."""
    archive = mkinitramfs.Cpio()
    with open(f"{build}/tests/system/parts/hostile/hostile-agent", "rb") as f:
        archive.add("init", 0o100755, f.read())
    manifest = json.loads(dom0.read(f"{IMAGE}/manifest.json"))
    manifest["kernels"][stub.options["kernel"]]["ramdisk"].append("hostile.cpio")
    data = archive.finish()
    manifest["files"]["hostile.cpio"] = {"bytes": len(data),
                                         "sha256": hashlib.sha256(data).hexdigest()}
    remove(dom0)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/hostile.cpio", "wb") as f:
            f.write(data)
        with open(f"{folder}/manifest.json", "w", encoding="utf-8") as f:
            json.dump(manifest, f)
        dom0.rig.push(folder, HOSTILE)
    dom0.shell(f"cd {IMAGE} && for f in *; do [ -e {HOSTILE}/$f ] || ln -s {IMAGE}/$f {HOSTILE}/; "
               "done")
    return Stub(**stub.options, image=HOSTILE)


def remove(dom0):
    dom0.run("rm", "-rf", HOSTILE)


def choose_lie(dom0, path, lie):
    """Of the channel evil-lies: a letter of tests/system/parts/hostile/lies.h."""
    said = dom0.run("python3", "-c", "import socket, sys; s = socket.socket(1); "
                    "s.connect(sys.argv[1]); s.settimeout(60); s.send(sys.argv[2].encode()); "
                    "print(s.recv(2).decode())", path, lie)
    assert said.stdout.strip() == lie


def stream(length):
    """The bytes that the channel evil-stream sends once a byte has come."""
    blocks = (b"block %08x " % n + b"." * (BLOCK - 16) + b"\n" for n in range(length // BLOCK))
    return b"".join(blocks)
