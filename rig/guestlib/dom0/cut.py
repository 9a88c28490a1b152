#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands between `xl migrate` and `xl migrate-receive`, and is cut in a phase of the migration: both
lose each other. usage: cut.py PHASE COMMAND...

A phase is known by what goes by; that does not arrive any more."""
import os
import subprocess
import sys
import threading

THERE, BACK = "to the target", "from it"
# Each phase: the way, and the words or the number of bytes (tools/xl/xl_migrate.c).
PHASES = {
    "greeting": (BACK, b"send binary domain data"),
    "memory": (THERE, 8 << 20),
    "state": (THERE, b"QEVM"),  # the file of QEMU's devices; the guest is suspended
    "ready": (BACK, b"ready to unpause"),
    "go": (THERE, b"cleared to unpause"),
    "report": (BACK, b"unpause results"),
}


def pump(source, target, mark):
    """Copies until the end, or until `mark` comes (None: never)."""
    passed, tail = 0, b""
    while data := os.read(source, 1 << 16):
        passed += len(data)
        seen = tail + data
        if mark is not None and (passed >= mark if isinstance(mark, int) else mark in seen):
            os._exit(1)
        tail = seen[-64:]
        while data:
            data = data[os.write(target, data):]


def main():
    way, mark = PHASES[sys.argv[1]]
    with subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as target:
        threading.Thread(target=pump, daemon=True, args=(
            0, target.stdin.fileno(), mark if way == THERE else None)).start()
        pump(target.stdout.fileno(), 1, mark if way == BACK else None)  # the end of what it says
        os._exit(target.wait())  # the other way may wait for xl


if __name__ == "__main__":
    main()
