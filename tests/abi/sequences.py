#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boots the checked kernel with abi-sequences as PID 1 (rig/fuzz-kernel), some hundred children a
boot. usage: sequences.py CHILDREN SEED CPUS"""
import pathlib
import re
import subprocess
import sys
import tempfile

import test_abi
from test_abi import Archive, BUILD, PROGRAMS, boot_archive

KERNEL = BUILD / "kernel/kernel-nub-checked"
EACH = 400  # children a boot
SECONDS_CHILD = 2.5  # on a busy machine
LOST_KIB = 1024  # some objects wait to be freed, and taps may stay


def root():
    a = Archive()
    for d in ("tmp", "proc", "dev"):
        a.add(d, 0o40755)
    a.add("init", 0o100755, (PROGRAMS / "abi-sequences").read_bytes())
    return a.finish()


def boot(children, seed, cpus):
    """(calls, what went wrong or "")"""
    test_abi.TIMEOUT = 300 + children * SECONDS_CHILD
    with tempfile.TemporaryDirectory() as tmp:
        log = boot_archive(pathlib.Path(tmp), root(), f"SEQ_SEED={seed} SEQ_CHILDREN={children}",
                           kernel=KERNEL, cpus=cpus)
    calls = re.search(r"calls: (\d+) made", log)
    lost = re.search(r"memory lost: (-?\d+) KiB\nsequences done", log)
    if not calls or not lost or "panic" in log or "does not end" in log:
        return 0, log[-4000:] + places(log)
    if int(lost[1]) > LOST_KIB:
        return int(calls[1]), f"{lost[1]} KiB of memory did not come back\n"
    return int(calls[1]), ""


def places(log):
    """The lines of the source in the backtrace."""
    found = re.findall(r"^  \[(0x[0-9a-f]+)\]", log, re.M)
    if not found:
        return ""
    return subprocess.run(["addr2line", "-i", "-p", "-s", "-f", "-e", f"{KERNEL}.debug", *found], check=False,
                          capture_output=True, text=True).stdout


def main():
    children, seed, cpus = (int(a) for a in sys.argv[1:])
    calls = 0
    for first in range(seed, seed + children, EACH):
        made, wrong = boot(min(EACH, seed + children - first), first, cpus)
        calls += made
        if wrong:
            sys.exit(f"{wrong}fuzz-kernel: broken, seeds {first} to {first + EACH - 1}, {cpus} CPUs")
        print(f"fuzz-kernel: {calls} calls, seeds {seed} to {min(first + EACH, seed + children) - 1}, "
              f"{cpus} CPUs", flush=True)


if __name__ == "__main__":
    main()
