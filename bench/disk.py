#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures a guest's disk with direct I/O, dom0's QEMU and stub domains in turn in one rig.
Throughput, CPU seconds of the whole host per GiB and, of single requests, exits for each. Prints a
table, with ratios to the first side, and writes build/bench/disk.json. On software emulation only
the ratios mean anything."""
import argparse
import json
import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
import xentrace  # noqa: E402
from guestlib.disks import LINUX, drive  # noqa: E402
from guestlib.dom0host import Dom0  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402
from rigctl.rig import Rig  # noqa: E402

MIB = 1 << 20
DISK_MIB = 64
FOLDER = "/opt/guests/run/bench-disk"  # not the guest's own, which ends with it
# how, bytes of a request, requests at a time
LOADS = [(how, size, depth)
         for how in ("read", "write", "randread", "randwrite")
         for size, depth in ((4096, 1), (4096, 32), (65536, 1), (MIB, 1), (MIB, 32))
         if not how.startswith("rand") or size == 4096]
TRACED = [("read", 4096, 1), ("write", 4096, 1)]  # the loads whose exits are counted
TRACED_REQUESTS = 40  # what xentrace's buffers hold
# Where time is short: in sequence, small requests and the largest; and of a side that is slow.
SHORT = [load for load in LOADS if not load[0].startswith("rand") and load[1:] not in ((4096, 32), (MIB, 1))]
FEW = [("read", 4096, 1), ("read", 65536, 1)]
UNITS = {"mib_s": "MiB/s", "cpu_s_per_gib": "CPU s/GiB", "exits": "exits"}
SIDES = {"dom0": None, "nub": Stub(kernel="nub"), "linux": Stub(kernel="linux")}
CONTROLLERS = {
    # name: (modules, the guest's name of the disk)
    "ide": ("ata_piix,sd_mod", "sda"),
    "ahci": ("ahci,sd_mod", "sda"),
    "virtio": ("virtio_scsi,sd_mod", "sda"),
}


def make(dom0, name, controller, stub):
    modules, _ = CONTROLLERS[controller]
    path = f"{FOLDER}/disk.img"
    config = {"cmdline": LINUX + modules}
    if controller == "virtio":
        # not virtio-blk: docs/upstream-bugs.md
        config["device_model_args_hvm"] = ["-device", "virtio-scsi-pci"] + drive(
            path, "scsi-hd", "v0", cache="writeback")
    else:
        config["disk"] = [f"format=raw,vdev=hda,access=rw,target={path}"]
        config["hdtype"] = controller
    return Guest(dom0, name, kind="direct", stub=stub, disks=0, nics=(), **config)


def cpu_seconds(dom0):
    """Of every domain together, dom0 included: what the work has cost the host."""
    return sum(float(line.split()[-1]) for line in dom0.run("xl", "list").stdout.splitlines()[1:])


def measure(dom0, guest, disk, how, size, depth, total):
    requests = max(total // size, 2 * depth)
    before = cpu_seconds(dom0)
    said = guest.ask(f"diskload {disk} {how} {size} {depth} {requests}", f"diskload {disk} ", 600)
    words = said.split()
    if words[-2] != "us":
        raise RuntimeError(said)
    seconds = int(words[-1]) / 1e6
    gib = requests * size / (1 << 30)
    out = {"mib_s": requests * size / MIB / seconds,
           "cpu_s_per_gib": (cpu_seconds(dom0) - before) / gib}
    if (how, size, depth) in TRACED:
        out["profile"] = profile_of(dom0, guest, disk, how, size, depth)
        out["exits"] = sum(sum(found.values()) for found in out["profile"].values())
    return out


def profile_of(dom0, guest, disk, how="read", size=4096, depth=1):
    """Exits of one request, by reason: of the guest, and of its stub domain."""
    found = xentrace.profile_each(dom0, lambda n: guest.ask(
        f"diskload {disk} {how} {size} {depth} {n}", f"diskload {disk} ", 600), TRACED_REQUESTS)
    out = {"guest": found.get(guest.domid, {})}
    if guest.stub:
        out["stub domain"] = found.get(guest.stub_domid, {})
    return out


def round_of(dom0, controller, stub, loads, total):
    """Every load on one guest, after one that nobody counts: the file's pages are there then."""
    guest = make(dom0, "bench", controller, stub).prepare()
    disk = CONTROLLERS[controller][1]
    try:
        guest.start()
        guest.ask(f"diskload {disk} write {MIB} 1 {DISK_MIB}", f"diskload {disk} ", 600)
        return {f"{how}/{size}/{depth}": measure(dom0, guest, disk, how, size, depth, total)
                for how, size, depth in loads}
    finally:
        guest.remove()


def measure_all(dom0, sides, controllers=tuple(CONTROLLERS), mib=8, rounds=3, loads=None, slow=()):
    """Each controller's medians, as report() has them; sides as in SIDES. A side in `slow` has few loads."""
    loads = loads or LOADS
    out = {}
    dom0.shell(f"mkdir -p {FOLDER} && truncate -s {DISK_MIB}M {FOLDER}/disk.img")
    try:
        for controller in controllers:
            found = [alone.each(f"disk, {controller}", {side: side for side in sides}, lambda side: round_of(
                dom0, controller, SIDES[side], FEW if side in slow else loads, mib * MIB))
                     for _ in range(rounds)]
            left = [side for side in sides if all(side in r for r in found)]
            if left[:1] == [sides[0]]:  # the ratios are to it
                out[controller] = report(controller, left, found)
    finally:
        dom0.run("rm", "-rf", FOLDER, check=False)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig-name")
    parser.add_argument("--sides", default="dom0,nub", help="of dom0, nub, linux (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=8, help="data of each load (%(default)s)")
    parser.add_argument("--controllers", default=",".join(CONTROLLERS))
    parser.add_argument("--output", default=os.path.join(TREE, "build/bench/disk.json"))
    args = parser.parse_args()
    rig = Rig.up(args.rig_name or f"bench-{os.getpid()}", product=True, bound=not args.rig_name)
    dom0 = Dom0(rig)
    dom0.install_assets(os.path.join(TREE, os.environ.get("BUILD", "build")))
    try:
        results = measure_all(dom0, args.sides.split(","), args.controllers.split(","), args.mib,
                              args.rounds)
    finally:
        dom0.close()
        if not args.rig_name:
            rig.down()
    os.makedirs(os.path.dirname(args.output), exist_ok=True)
    with open(args.output, "w", encoding="utf-8") as f:
        json.dump({"rounds": args.rounds, "controllers": results}, f, indent=1)


def median(values):
    return sorted(values)[len(values) // 2]


def report(controller, sides, rounds):
    """Prints and returns the medians; a ratio is that of one round's two sides. Profiles are the first
    round's."""
    out = {}
    for key, figures in rounds[0][sides[0]].items():
        out[key] = row = {}
        there = [side for side in sides if key in rounds[0][side]]
        for what in figures:
            if what == "profile":
                row[what] = {side: rounds[0][side][key][what] for side in there}
                print(profile_table(f"{controller}, {key}: exits of one request", row[what]), flush=True)
                continue
            values = {side: [r[side][key][what] for r in rounds] for side in there}
            row[what] = {side: {"median": median(values[side]), "ratio": median(
                [v / first if first else 0 for v, first in zip(values[side], values[sides[0]])])}
                         for side in there}
            print(f"{controller:7} {key:18} {UNITS[what]:9} " + "".join(
                f" {side} {v['median']:8.2f} x{v['ratio']:5.2f} " for side, v in row[what].items()),
                  flush=True)
    return out


def profile_table(title, profiles):
    """A line for each reason; a column for each domain of each side."""
    columns = [(f"{side}: {who}", found) for side, whose in profiles.items()
               for who, found in whose.items()]
    reasons = sorted({reason for _, found in columns for reason in found},
                     key=lambda reason: -sum(found.get(reason, 0) for _, found in columns))
    lines = [f"{title:44}" + "".join(f"{name:>20}" for name, _ in columns)]
    lines += [f"  {reason:42}" + "".join(f"{found.get(reason, 0):20.1f}" for _, found in columns)
              for reason in reasons if any(abs(found.get(reason, 0)) >= 0.05 for _, found in columns)]
    return "\n".join(lines + [f"  {'sum':42}" + "".join(
        f"{sum(found.values()):20.1f}" for _, found in columns)])


if __name__ == "__main__":
    main()
