#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures the cost of a stub domain that floods, before and during each flood. It is the CPU of its
relay, its launcher and xenstored, and a QMP round trip of another guest. Prints the
figures as JSON: shares of one CPU, a median in ms."""
import os
import statistics
import sys
import threading
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
from guestlib import hostile  # noqa: E402
from guestlib.guest import Guest  # noqa: E402

# Of tests/system/parts/hostile; `spin` only takes the stub domain's own CPU, for comparison.
FLOODS = ("spin", "spill", "knock", "storm")
SECONDS = 10
SETTLE_SECONDS = 6  # what the relay lets through at once is over (launcher/relay/budget.h)
FLOOD_SECONDS = 30  # tests/system/parts/hostile/evil.c
HZ = 100
QMP_COUNT = 40
LIMIT = 300


def round_trips(dom0, guest):
    path = f"/var/run/xen/qmp-libxenstat-{guest.domid}"
    return dom0.call("qmp_round_trips", LIMIT, path=path, count=QMP_COUNT)


def ticks(dom0, pids):
    return {name: dom0.call("process_use", pid=pid)["ticks"] for name, pid in pids.items()}


def window(dom0, pids, neighbour):
    """Shares of a CPU by process and the neighbour's median round trip in ms, side by side."""
    times = []
    asker = threading.Thread(target=lambda: times.extend(round_trips(dom0, neighbour)))
    before, begin = ticks(dom0, pids), time.monotonic()
    time.sleep(SECONDS)
    after, spent = ticks(dom0, pids), time.monotonic() - begin
    shares = {name: (after[name] - before[name]) / HZ / spent for name in pids}
    asker.start()
    asker.join()
    return {"cpu": shares, "qmp_ms": 1000 * statistics.median(times)}


def measure(dom0, stub, build):
    """The figures by flood; `none` is before the first."""
    neighbour = Guest(dom0, "bench-calm", nics=(), stub=stub)
    guest = Guest(dom0, "bench-flood", nics=(), stub=hostile.install(dom0, stub, build))
    for name in FLOODS:
        guest.config["device_model_args"] += [
            "-chardev", f"socket,id=evil-{name},path={guest.folder}/{name},server=on,wait=off"]
    out = {}
    try:
        for g in (neighbour, guest):
            g.prepare().start()
            g.detach()
        launcher = guest.launcher_pid
        pids = {"launcher": launcher,
                "relay": int(dom0.run("pgrep", "-P", launcher, "-x", "stubdom-relay").stdout),
                "xenstored": int(dom0.run("pgrep", "-x", "xenstored").stdout)}
        out["none"] = window(dom0, pids, neighbour)
        for name in FLOODS:
            dom0.call("drain", 60, paths=[f"{guest.folder}/{name}"], seconds=1)
            begin = time.monotonic()
            time.sleep(SETTLE_SECONDS)
            out[name] = window(dom0, pids, neighbour)
            time.sleep(max(0, FLOOD_SECONDS - (time.monotonic() - begin)))
    finally:
        guest.remove()
        neighbour.remove()
        hostile.remove(dom0)
    return out


if __name__ == "__main__":
    sys.exit(alone.main(measure, __doc__))
