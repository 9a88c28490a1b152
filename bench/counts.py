#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what one `xl create` takes, with QEMU in dom0 and in a stub domain: hypercalls, requests to
xenstored, processes, programs, bytes. Unlike time they do not depend on the machine. bench.py calls
measure(); alone it prints the figures as JSON."""
import os
import re
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
import xentrace  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402

SECONDS = 600
PAGES = 1024  # of trace: a start has many records
ROWS = {
    "hypercalls": "hypercalls of dom0, its kernel's included",
    "exits": "exits of the stub domain until the guest may run",
    "stub_hypercalls": "of them hypercalls",
    "xenstore": "requests to xenstored, of all domains",
    "processes": "processes and threads made in dom0",
    "programs": "programs run in dom0",
    "bytes": "KiB read and written by xl, its helpers and ours",
    "disk_requests": "requests to the root's disk until QEMU runs",
    "disk_kib": "KiB read from it",
}
DETAILS = ("by_hypercall", "by_request", "by_program")


def one(dom0, stub, **how):
    """The counts of a start; the guest waits for its CPU, so none of it is the guest's."""
    guest = Guest(dom0, "counts", stub=stub, **how).prepare()
    argv = ["xl", "create", "-p", guest.config_path]
    out, done = {}, {}
    try:
        data = xentrace.trace_during(dom0, xentrace.EXITS_AND_PV_CALLS, lambda: done.update(
            dom0.call("counted_run", SECONDS, argv=argv, seconds=SECONDS)), PAGES)
        if done["status"]:
            raise RuntimeError(f"xl create failed:\n{done['text']}\n{guest.log()}")
        calls = xentrace.pv_calls(data)
        out["exits"], out["stub_hypercalls"] = calls.pop("exits", 0), calls.pop("hypercalls of others", 0)
        out["hypercalls"], out["by_hypercall"] = calls.total(), dict(calls.most_common())
        for key in ("xenstore", "processes", "programs", "by_request", "by_program"):
            out[key] = done[key]
        out["bytes"] = done["bytes"] // 1024
        read = re.search(r"agent: (\d+) requests read (\d+) KiB of the root's disk",
                         dom0.read(guest.log_path)) if stub else None
        out["disk_requests"], out["disk_kib"] = (int(read[1]), int(read[2])) if read else (0, 0)
        guest.end()
    finally:
        guest.remove()
    return out


def measure(dom0, stub, _build, sides=None):
    """{guest: {side: counts}}."""
    sides = sides or {"dom0": None, "stub domain": stub, "linux": Stub(kernel="linux")}
    out = {}
    for name, how in (("one disk, one e1000", {}), ("neither", {"kind": "direct", "disks": 0, "nics": ()})):
        # Linux once: traced, it is slow.
        chosen = {side: which for side, which in sides.items() if side != "linux" or not out}
        out[name] = alone.each(f"counts, {name}", chosen, lambda which, how=how: one(dom0, which, **how))
    return out


def table(figures):
    lines = []
    for name, sides in figures.items():
        lines.append(f"{'xl create, a guest with ' + name:60}" + "".join(f"{side:>14}" for side in sides))
        lines += [f"  {what:58}" + "".join(f"{found[key]:14d}" for found in sides.values())
                  for key, what in ROWS.items()]
        for detail in DETAILS:
            every = sorted({kind for found in sides.values() for kind in found[detail]},
                           key=lambda kind: -max(found[detail].get(kind, 0) for found in sides.values()))
            lines.append(f"  {detail.replace('_', ' ')}:")
            lines += [f"    {kind:56}" + "".join(f"{found[detail].get(kind, 0):14d}"
                                                 for found in sides.values()) for kind in every[:12]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(alone.main(measure, __doc__))
