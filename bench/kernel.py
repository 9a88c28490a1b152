#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stub domain's kernels beside each other, in one rig. The time from the kernel's start to
QEMU's, the kernel's own memory, the cost of one emulated port read. `--kernels nub,linux,dom0`
(dom0: QEMU there, for the time of a port read). Prints a table, and JSON with --json FILE."""
import argparse
import json
import os
import re
import statistics
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import xentrace  # noqa: E402
from guestlib.dom0host import Dom0  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402
from rigctl.rig import Rig  # noqa: E402

ROWS = {
    "init_ms": "kernel's start to the agent's first line (ms)",
    "exec_ms": "kernel's start to QEMU's exec, waits for dom0's back ends included (ms)",
    "kernel_kb": "memory that is the kernel's own when QEMU runs (KiB)",
    "image_kb": "size of the kernel's file (KiB)",
    "stub_exits": "exits of the stub domain for each port read",
    "stub_hypercalls": "of them hypercalls",
    "guest_exits": "exits of the guest for each port read",
    "pio_us": "one port read, there and back (us)",
}
# Exits of a guest that only reads a port. All others are the stub domain's.
GUEST_REASONS = {"port", "0x0"}


def port_reads(dom0, guest, count):
    """Microseconds of one port read by the guest's clock, and the exits of one."""
    mhz = float(re.search(r"cpu_mhz\s*:\s*([\d.]+)", dom0.run("xl", "info").stdout).group(1))
    times = []
    for _ in range(3):
        words = guest.ask(f"pio {count}", "pio", 600).split()
        times.append(int(words[4], 16) / count / mhz)
    each = xentrace.exits_each(dom0, lambda n: guest.ask(f"pio {n}", "pio", 600), count)
    mine = {r: n for r, n in each.items() if r not in GUEST_REASONS}
    return {
        "pio_us": statistics.median(times),
        "stub_exits": sum(mine.values()),
        "stub_hypercalls": mine.get("hypercall", 0.0),
        "guest_exits": sum(n for r, n in each.items() if r in GUEST_REASONS),
        "reasons": {r: round(n, 2) for r, n in sorted(each.items(), key=lambda x: -x[1])},
    }


def from_log(log):
    """Times and memory, as the stub domain's console told them."""
    out = {}
    for key, stage in (("init_ms", "boot"), ("exec_ms", "qemu")):
        m = re.search(rf"agent: stage {stage} after (\d+) ms", log)
        out[key] = int(m.group(1)) if m else None
    m = re.search(r"nub: memory in KiB: kernel (\d+)", log)
    if m:
        out["kernel_kb"] = int(m.group(1))
    return out


def measure(dom0, kernel, count=300):
    """One kernel's figures: a row's key to a number, and "reasons"."""
    stub = None if kernel == "dom0" else Stub(kernel=kernel)
    guest = Guest(dom0, "bench" + kernel, stub=stub, serial="pty")
    out = {}
    try:
        guest.prepare()
        guest.start()
        out.update(port_reads(dom0, guest, count))
        if stub:
            if kernel == "nub":
                dom0.wait_file(guest.log_path, "nub: memory in KiB", seconds=60)
            out.update(from_log(dom0.read(guest.log_path)))
            size = dom0.run("stat", "-Lc", "%s", f"/var/lib/qemu-stubdom/image/kernel-{kernel}")
            out["image_kb"] = int(size.stdout) // 1024
        else:
            for key in ("stub_exits", "stub_hypercalls", "guest_exits", "reasons"):
                del out[key]
    finally:
        guest.remove()
    return out


def table(figures):
    kernels = list(figures)
    lines = [f"{'':68}" + "".join(f"{k:>10}" for k in kernels)]
    for key, what in ROWS.items():
        cells = [figures[k].get(key) for k in kernels]
        lines.append(f"{what:68}" + "".join(
            f"{'-' if c is None else format(c, '.1f' if isinstance(c, float) else 'd'):>10}"
            for c in cells))
    return "\n".join(lines + [f"exits for each port read, {k}: {figures[k]['reasons']}"
                              for k in kernels if "reasons" in figures[k]])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", default="nub,linux,dom0")
    parser.add_argument("--pio", type=int, default=300, help="port reads in one run (300)")
    parser.add_argument("--rig", help="a rig to use and keep (default: one of its own)")
    parser.add_argument("--json")
    args = parser.parse_args()
    name = args.rig or f"bench-{os.getpid()}"
    rig = Rig.up(name, product=True, bound=not args.rig)
    try:
        dom0 = Dom0(rig)
        dom0.install_assets(os.path.join(TREE, os.environ.get("BUILD", "build")))
        figures = {k: measure(dom0, k, args.pio) for k in args.kernels.split(",")}
        dom0.close()
    finally:
        if not args.rig:
            rig.down()
    print(table(figures))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(figures, f, indent=1)


if __name__ == "__main__":
    main()
