#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures an emulated NIC with QEMU in dom0 and in a stub domain, in turn, in one rig. TCP and UDP
throughput and round trips by the guest's clock, and the CPU time of a gigabyte. On software
emulation only the ratios mean anything.

    rig/workbench -- python3 bench/net.py --rig NAME [--kernel nub] [--model e1000] [--mb 16]
"""
import argparse
import json
import os
import re
import statistics
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
import xentrace  # noqa: E402
from guestlib.dom0host import Dom0  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402
from rigctl.rig import Rig  # noqa: E402

UDP_SIZE = 1400
FRAMES = 700  # of a burst, at least
# Xen's rate limit: who has got the CPU keeps it for so long.
DEFAULT_US, LONG_US = 1000, 10000
ECHOES = 500
DOWN = 8  # a stream to the guest is so much faster, and longer for that
TRACED_ECHOES = 50  # what xentrace's buffers hold
SECONDS = 600
# name: (unit, what it is); what ends in _up is from the guest
ROWS = {
    "tcp_up": ("MB/s", "TCP, from the guest"),
    "tcp_down": ("MB/s", "TCP, to the guest"),
    "udp_up": ("MB/s", "UDP that came, from the guest"),
    "udp_down": ("MB/s", "UDP that came, to the guest"),
    "udp_down_came": ("%", "of these frames came"),
    "udp_down_10ms": ("MB/s", "the same with Xen's rate limit at 10 ms"),
    "rtt_us": ("us", "UDP there and back (median)"),
    "rtt_exits": ("", "exits of guest and stub domain for it"),
    "cpu_up_dom0": ("s/GB", "CPU of dom0 for TCP from the guest"),
    "cpu_up_stub": ("s/GB", "CPU of the stub domain for it"),
    "cpu_up_guest": ("s/GB", "CPU of the guest for it"),
    "cpu_down_dom0": ("s/GB", "CPU of dom0 for TCP to the guest"),
    "cpu_down_stub": ("s/GB", "CPU of the stub domain for it"),
    "cpu_down_guest": ("s/GB", "CPU of the guest for it"),
}
# A third port makes the bridge learn and look up: not the wire that two ports are.
BRIDGE = """ifconfig tap0 create up
ifconfig tap1 create up
ifconfig bridge0 create up
ifconfig xenif0 up
brconfig bridge0 add tap0 tap1 xenif0
"""


def cpu_times(dom0):
    """Seconds by domain name."""
    lines = dom0.run("xl", "list").stdout.splitlines()[1:]
    return {line.split()[0]: float(line.split()[-1]) for line in lines}


class NetBench:
    def __init__(self, dom0, model="e1000", mb=16):
        self.dom0, self.model, self.size = dom0, model, mb << 20

    def _stream(self, guest, way, out):
        port, size = self.dom0.call("traffic_serve"), self.size * (DOWN if way == "d" else 1)
        before = cpu_times(self.dom0)
        said = guest.ask(f"stream {guest.peers[0]} {port} {way} {size}", "stream", SECONDS)
        after = cpu_times(self.dom0)
        match = re.search(r"stream . ok \d+ bytes ([\d.]+) s", said)
        if not match:
            raise RuntimeError(said)
        name = {"u": "up", "d": "down"}[way]
        out[f"tcp_{name}"] = size / 1e6 / float(match[1])
        for domain, key in (("Domain-0", "dom0"), (guest.name + "-dm", "stub"),
                            (guest.name, "guest")):
            spent = after.get(domain, 0) - before.get(domain, 0)
            out[f"cpu_{name}_{key}"] = spent / (size / 1e9)

    def _datagrams(self, guest, way):
        """MB/s that came, and the percentage of the frames."""
        port, count = self.dom0.call("traffic_serve"), max(self.size // 2 // UDP_SIZE, FRAMES)
        said = guest.ask(f"datagrams {guest.peers[0]} {port} {way} {count} {UDP_SIZE}",
                         "datagrams", SECONDS)
        match = re.search(r"came (\d+) ([\d.]+)|d (\d+) of \d+ ([\d.]+) s", said)
        came, seconds = (float(x) for x in match.groups() if x is not None)
        return came * UDP_SIZE / 1e6 / seconds if seconds else 0, 100 * came / count

    def _bursts(self, guest, out):
        self._datagrams(guest, "d")  # the first is lost in part: the interface has few pages yet
        out["udp_up"], _ = self._datagrams(guest, "u")
        out["udp_down"], out["udp_down_came"] = self._datagrams(guest, "d")
        self.dom0.run("xl", "sched-credit2", "-s", "-r", LONG_US)
        try:
            out["udp_down_10ms"], _ = self._datagrams(guest, "d")
        finally:
            self.dom0.run("xl", "sched-credit2", "-s", "-r", DEFAULT_US)

    def run(self, stub, name="bench", **how):
        """One device model's figures; `stub` None: QEMU in dom0."""
        guest = Guest(self.dom0, name, kind="direct", stub=stub, disks=0, **how)
        guest.prepare()
        if stub and "topology" in stub.options:
            self.dom0.write(stub.options["topology"], BRIDGE)
        out = {}
        try:
            guest.start()
            self._stream(guest, "u", {})  # the first fills caches
            for way in "ud":
                self._stream(guest, way, out)
            self._bursts(guest, out)
            port = self.dom0.call("traffic_serve")
            said = guest.ask(f"udpecho {guest.peers[0]} {port} {ECHOES} 64", "echo", SECONDS)
            out["rtt_us"] = float(re.search(r"median ([\d.]+) us", said)[1])
            out["rtt_exits"] = sum(xentrace.exits_each(self.dom0, lambda n: guest.ask(
                f"udpecho {guest.peers[0]} {port} {n} 64", "echo", SECONDS),
                TRACED_ECHOES).values())
        finally:
            guest.remove()
        return out


def table(sides, rounds):
    sides = [side for side in sides if all(side in r for r in rounds)]
    lines = [f"{'median':44}" + "".join(f"{side:>12}" for side in sides)]
    for key, (unit, what) in ROWS.items():
        values = [statistics.median(r[side][key] for r in rounds) for side in sides]
        lines.append(f"{what + ' (' + unit + ')':44}" + "".join(f"{v:12.4g}" for v in values))
    return "\n".join(lines)


def measure(dom0, kernel, sides=("dom0", "wire", "bridge"), model="e1000", mb=16, rounds=1):
    """A list of rounds, each the figures by side."""
    topology = "/opt/guests/run/bench/topology"
    kinds = {"dom0": (None, 1), "wire": (Stub(kernel=kernel), 1),
             "bridge": (Stub(kernel=kernel, topology=topology), 2),
             "linux": (Stub(kernel="linux"), 1)}
    bench, out = NetBench(dom0, model, mb), []
    for number in range(rounds):
        out.append(alone.each(f"net, round {number + 1}", {side: kinds[side] for side in sides},
                              lambda kind: bench.run(kind[0], nics=(model,) * kind[1])))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--mb", type=int, default=16, help="of a stream from the guest (16)")
    parser.add_argument("--model", default="e1000")
    parser.add_argument("--kernel", default="nub")
    parser.add_argument("--sides", default="dom0,wire,bridge",
                        help="of dom0, wire and bridge (%(default)s), linux (that kernel's wire)")
    parser.add_argument("--rig", help="a rig to use and keep (default: one of its own)")
    args = parser.parse_args()
    build = os.path.join(TREE, os.environ.get("BUILD", "build"))
    sides = args.sides.split(",")
    rig = Rig(args.rig or f"bench-net-{os.getpid()}")
    try:
        rig = Rig.up(rig.name, bound=not args.rig)
        dom0 = Dom0(rig)
        dom0.install_assets(build)
        rounds = measure(dom0, args.kernel, sides, args.model, args.mb, args.rounds)
        dom0.close()
    finally:
        if not args.rig:
            rig.down()
    os.makedirs(f"{build}/bench", exist_ok=True)
    with open(f"{build}/bench/net.json", "w", encoding="utf-8") as f:
        json.dump({"version": 1, "kernel": args.kernel, "model": args.model,
                   "rounds": rounds}, f, indent=1)
    print(table(sides, rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
