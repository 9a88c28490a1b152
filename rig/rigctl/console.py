# SPDX-License-Identifier: MIT
"""Reads the machine's serial console, on which Xen and dom0 both write."""

import os
import re
import time

PANIC = re.compile(rb"Panic on CPU|Kernel panic - not syncing|FATAL TRAP|Reboot in five seconds")


def tail(path, lines, limit=1 << 18):
    """The last lines of a file, as text; an unreadable file has none."""
    try:
        with open(path, "rb") as f:
            f.seek(0, 2)
            f.seek(max(0, f.tell() - limit))
            text = f.read()
    except OSError:
        return []
    text = re.sub(rb"\x1b\[[0-9;]*[A-Za-z]|\r", b"", text).decode(errors="replace")
    return text.splitlines()[-lines:]


def panicked(path):
    try:
        with open(path, "rb") as f:
            return bool(PANIC.search(f.read()))
    except OSError:
        return False


def settle(path, quiet=3.0, limit=15):
    """Waits until nothing was added for `quiet` seconds: a panic is still being printed when its
    first line is seen."""
    deadline = time.monotonic() + limit
    size, since = -1, time.monotonic()
    while time.monotonic() < min(deadline, since + quiet):
        now = os.path.getsize(path)
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.05)


def is_xen(line):
    return line.startswith("(XEN)") or line.startswith("(d") and ")" in line[:8]


def sections(console_path, qemu_path, lines=40):
    """The lines of a dead rig's console that a person wants to see."""
    said = tail(console_path, 2000)
    out = []
    for title, part in (
            ("Xen's console", [x for x in said if is_xen(x)]),
            ("dom0's console", [x for x in said if not is_xen(x)]),
            ("QEMU's own messages", tail(qemu_path, lines))):
        if part:
            out += [f"--- the last of {title} ---"] + part[-lines:]
    return out or ["(nothing on its console)"]
