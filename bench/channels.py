#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures the channels between dom0 and a stub domain's QEMU. A stream against socat, a QMP round
trip against dom0's QEMU, the wake-ups of an idle guest's processes. bench.py calls measure(); alone
it prints the figures as JSON."""
import os
import statistics
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
from guestlib import hostile  # noqa: E402
from guestlib.guest import Guest  # noqa: E402

STREAM = 8 << 20  # as tests/system/parts/hostile sends
IDLE_SECONDS = 20
QMP_COUNT = 200
LIMIT = 300


def qmp_ms(dom0, guest):
    """The median of a QMP round trip, on a socket that libxl has asked for."""
    path = f"/var/run/xen/qmp-libxenstat-{guest.domid}"
    return 1000 * statistics.median(dom0.call("qmp_round_trips", LIMIT, path=path,
                                              count=QMP_COUNT))


def cpu_seconds(dom0, name):
    return float(dom0.run("xl", "list", name).stdout.splitlines()[1].split()[-1])


def idle(dom0, guest):
    """Wake-ups of dom0's processes in a second, and the share of a CPU that the stub domain
    takes, with a guest that waits."""
    launcher = guest.launcher_pid
    pids = [launcher] + dom0.run("pgrep", "-P", launcher).stdout.split()
    stub = f"{guest.name}-dm"

    def count():
        return sum(dom0.call("process_use", pid=pid)["wakeups"] for pid in pids)

    before, cpu, begin = count(), cpu_seconds(dom0, stub), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after, spent = count(), time.monotonic() - begin
    return (after - before) / spent, (cpu_seconds(dom0, stub) - cpu) / spent


def measure(dom0, stub, build):
    """The figures by name. `stub` says which kernel and type."""
    out = {}
    plain = Guest(dom0, "bench-qmp", nics=())
    try:
        plain.prepare().start()
        out["qmp_dom0_ms"] = qmp_ms(dom0, plain)
    finally:
        plain.remove()
    guest = Guest(dom0, "bench-ch", nics=(), stub=hostile.install(dom0, stub, build))
    path = f"{guest.folder}/stream"
    guest.config["device_model_args"] += [
        "-chardev", f"socket,id=evil-stream,path={path},server=on,wait=off"]
    try:
        guest.prepare().start()
        out["qmp_stub_ms"] = qmp_ms(dom0, guest)
        out["stream_mb_s"], out["socat_mb_s"] = (
            STREAM / 1e6 / min(times) for times in zip(*(
                (dom0.call("digest", LIMIT, path=path, length=STREAM, seconds=LIMIT,
                           check=False)["seconds"],
                 dom0.call("socat_stream", LIMIT, length=STREAM, seconds=LIMIT))
                for _ in range(3))))
        guest.detach()
        out["idle_wakeups_per_s"], out["idle_stub_cpu"] = idle(dom0, guest)
    finally:
        guest.remove()
        hostile.remove(dom0)
    out["qmp_ratio"] = out["qmp_stub_ms"] / out["qmp_dom0_ms"]
    out["stream_ratio"] = out["stream_mb_s"] / out["socat_mb_s"]
    return out


if __name__ == "__main__":
    sys.exit(alone.main(measure, __doc__))
