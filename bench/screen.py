#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures how quickly a guest's screen is drawn, with QEMU in dom0 and in a stub domain. A text screen
by a store for each letter, and 1024 x 768 pixels until a VNC viewer in dom0 has them. bench.py calls
measure(); alone it prints the figures as JSON."""
import os
import re
import statistics
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402

LIMIT = 300
TIMES = 5
ROWS = {
    "text_ms": "2000 letters written to a text screen (ms)",
    "blit_ms": "1024 x 768 pixels written by the guest (ms)",
    "seen_ms": "the same, until a viewer has them (ms)",
    "seen_bytes": "bytes of pixels that the viewer got for it",
}


def ticks(guest, order):
    return int(guest.ask(f"redraw {order}", "redraw", LIMIT).split()[-1], 16)


def one(dom0, stub, mhz, name="redraw"):
    """One device model's figures: medians."""
    # Cirrus' adapter has no such screen.
    guest = Guest(dom0, name, stub=stub, nics=(), vga="stdvga", videoram=16, vnc=1, vncunused=1,
                  vnclisten="127.0.0.1").prepare()
    times = {key: [] for key in ROWS}
    try:
        guest.start()
        guest.ask("text", "text", LIMIT)
        for n in range(TIMES):
            times["text_ms"].append(ticks(guest, f"text {0x741 + n}") / mhz / 1000)
        ticks(guest, "large")
        port = dom0.xenstore(f"/local/domain/{guest.domid}/console/vnc-port")
        if not dom0.call("viewer_open", LIMIT, name=name, host="127.0.0.1", port=port, seconds=LIMIT):
            raise RuntimeError("the VNC server does not answer")
        for n in range(TIMES + 1):
            colour = 0x102030 * (n + 1)
            begin = time.monotonic()
            dom0.call("console_send", LIMIT, name=name, text=f"redraw fill {colour}\n")
            came = dom0.call("viewer_wait_filled", LIMIT, name=name, pixel=colour, seconds=LIMIT)
            seconds = time.monotonic() - begin
            said = guest.wait("redraw 0x", LIMIT)
            if n:  # the first brings all that was there before
                times["seen_ms"].append(seconds * 1000)
                times["seen_bytes"].append(came)
                times["blit_ms"].append(int(said.split()[-1], 16) / mhz / 1000)
        dom0.call("viewer_close", name=name)
    finally:
        guest.remove()
    return {key: statistics.median(values) for key, values in times.items()}


def measure(dom0, stub, _build, sides=None):
    """{side: figures}"""
    mhz = float(re.search(r"cpu_mhz\s*:\s*([\d.]+)", dom0.run("xl", "info").stdout).group(1))
    sides = sides or {"dom0": None, "stub domain": stub, "linux": Stub(kernel="linux")}
    return alone.each("screen", sides, lambda which: one(dom0, which, mhz))


def table(figures):
    lines = [f"{'a redraw (median of ' + str(TIMES) + ')':52}" + "".join(f"{side:>14}" for side in figures)]
    return "\n".join(lines + [f"{what:52}" + "".join(f"{found[key]:14.1f}" for found in figures.values())
                              for key, what in ROWS.items()])


if __name__ == "__main__":
    sys.exit(alone.main(measure, __doc__))
