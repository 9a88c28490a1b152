#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands between `xl migrate` and `xl migrate-receive`, and is cut in a phase of the migration: both
lose each other. usage: cut.py [--hold FILE] PHASE COMMAND...

A phase is known by what goes by; that does not arrive any more. With --hold nothing more does, and there is FILE
with our process id, for as long as we are left."""
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


def leave(hold):
    if hold:
        with open(f"{hold}.new", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))
        os.rename(f"{hold}.new", hold)
        threading.Event().wait()
    os._exit(1)


def pump(source, target, mark, hold):
    """Copies until the end, or until `mark` comes (None: never)."""
    passed, tail = 0, b""
    while data := os.read(source, 1 << 16):
        passed += len(data)
        seen = tail + data
        if mark is not None and (passed >= mark if isinstance(mark, int) else mark in seen):
            leave(hold)
        tail = seen[-64:]
        while data:
            data = data[os.write(target, data):]


def main():
    argv, hold = sys.argv[1:], None
    if argv[0] == "--hold":
        hold, argv = argv[1], argv[2:]
    way, mark = PHASES[argv[0]]
    with subprocess.Popen(argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as target:
        threading.Thread(target=pump, daemon=True, args=(
            0, target.stdin.fileno(), mark if way == THERE else None, hold)).start()
        pump(target.stdout.fileno(), 1, mark if way == BACK else None, hold)  # the end of what it says
        os._exit(target.wait())  # the other way may wait for xl


if __name__ == "__main__":
    main()
