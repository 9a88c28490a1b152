#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands between `xl migrate` and its way to the target, and cuts that in a phase of the migration.
usage: cut.py PHASE cable|pipe|hold=FILE COMMAND...

A phase is known by what goes by. The cable of a command that is ssh is dead from then on: the
target's words are lost, and ssh finds it out. A pipe is closed at both ends. With
hold= nothing more goes by, and FILE has our process id, for as long as we are left."""
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


def cut(how):
    if how == "pipe":
        os._exit(1)
    if how.startswith("hold="):
        name = how.removeprefix("hold=")
        with open(f"{name}.new", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))
        os.rename(f"{name}.new", name)
        threading.Event().wait()
    subprocess.run(["ip", "link", "set", "eth0", "down"], check=True)


def pump(source, target, mark, how, lose):
    """Copies until the end. Cuts at `mark` (None: never); what comes then is lost, or goes into a
    connection that nobody hears."""
    passed, tail = 0, b""
    while data := os.read(source, 1 << 16):
        passed += len(data)
        seen = tail + data
        if mark is not None and (passed >= mark if isinstance(mark, int) else mark in seen):
            cut(how)
            mark, target = None, None if lose else target
        tail = seen[-64:]
        while data and target is not None:
            data = data[os.write(target, data):]


def main():
    way, mark = PHASES[sys.argv[1]]
    how = sys.argv[2]
    with subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as target:
        back = threading.Thread(target=pump, daemon=True, args=(
            target.stdout.fileno(), 1, mark if way == BACK else None, how, True))
        threading.Thread(target=pump, daemon=True, args=(
            0, target.stdin.fileno(), mark if way == THERE else None, how, False)).start()
        back.start()
        back.join()  # the end of what the target says
        os._exit(target.wait())  # the other way may wait for xl


if __name__ == "__main__":
    main()
