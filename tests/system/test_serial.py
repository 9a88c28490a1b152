# SPDX-License-Identifier: MIT
"""The guest's serial console in dom0: a file, and `xl console`."""
import time


def test_serial_file(make_guest, dom0):
    """All that the guest says, from its first word on, is in the file."""
    guest = make_guest("file", serial="file:/opt/guests/run/file/serial.log")
    guest.create()
    text = dom0.wait_file("/opt/guests/run/file/serial.log", "bios-guest: ready")
    assert text.startswith("bios-guest: up\nbios-guest: disk 0 ok")


def test_xl_console(make_guest, dom0):
    """`xl console -t serial` types to the guest and prints its answer."""
    guest = make_guest("con")
    guest.start()
    guest.detach()
    script = ("import os, pty, select, sys, time\n"
              "pid, fd = pty.fork()\n"
              "if not pid: os.execvp('xl', ['xl', 'console', '-t', 'serial', 'con'])\n"
              "end, seen, typed = time.monotonic() + 60, b'', False\n"
              "while b'echo from-xl\\r\\n' not in seen and time.monotonic() < end:\n"
              "    if not typed:\n"
              "        os.write(fd, b'echo from-xl\\r'); typed = True\n"
              "    if select.select([fd], [], [], 5)[0]: seen += os.read(fd, 4096)\n"
              "os.kill(pid, 9); os.waitpid(pid, 0)\n"
              "sys.stdout.write(seen.decode(errors='replace'))\n")
    out = dom0.run("python3", "-c", script, timeout=90).stdout
    assert "bios-guest: echo from-xl" in out


def test_serial_flood_is_complete(make_guest):
    """No line is lost or out of order, however fast the guest speaks."""
    guest = make_guest("flood")
    guest.start()
    start = time.monotonic()
    said = guest.ask("flood 200", "flood done", 120)
    assert time.monotonic() - start < 120
    lines = [line for line in said.splitlines() if "flood 0" in line]
    assert lines == [f"bios-guest: flood {i:08x}" for i in range(200)]
