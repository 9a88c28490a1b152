#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures a guest's disk with direct I/O, dom0's QEMU and the stub domain in turn in one rig:
throughput or requests per second, and CPU seconds of host and stub domain per GiB. Prints a table
and writes build/bench/disk.json. On software emulation only the ratios mean anything."""
import argparse
import json
import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, "rig"), os.path.join(TREE, "tests")]

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
    return {"mib_s": requests * size / MIB / seconds, "requests_s": requests / seconds,
            "cpu_s_per_gib": (cpu_seconds(dom0) - before) / gib}


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


def measure_all(dom0, kernel, controllers=tuple(CONTROLLERS), mib=8, rounds=3):
    """Each controller's medians, as report() has them."""
    out = {}
    dom0.shell(f"mkdir -p {FOLDER} && truncate -s {DISK_MIB}M {FOLDER}/disk.img")
    try:
        for controller in controllers:
            found = [{side: round_of(dom0, controller, stub, LOADS, mib * MIB)
                      for side, stub in (("dom0", None), ("stub", Stub(kernel=kernel)))}
                     for _ in range(rounds)]
            out[controller] = report(controller, found)
    finally:
        dom0.run("rm", "-rf", FOLDER, check=False)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig-name")
    parser.add_argument("--kernel", default="nub", choices=["nub", "linux"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=8, help="data of each load (%(default)s)")
    parser.add_argument("--controllers", default=",".join(CONTROLLERS))
    parser.add_argument("--output", default=os.path.join(TREE, "build/bench/disk.json"))
    args = parser.parse_args()
    rig = Rig.up(args.rig_name or f"bench-{os.getpid()}", product=True, bound=not args.rig_name)
    dom0 = Dom0(rig)
    dom0.install_assets(os.path.join(TREE, os.environ.get("BUILD", "build")))
    try:
        results = measure_all(dom0, args.kernel, args.controllers.split(","), args.mib, args.rounds)
    finally:
        dom0.close()
        if not args.rig_name:
            rig.down()
    os.makedirs(os.path.dirname(args.output), exist_ok=True)
    with open(args.output, "w", encoding="utf-8") as f:
        json.dump({"kernel": args.kernel, "rounds": args.rounds, "controllers": results}, f,
                  indent=1)


def median(values):
    return sorted(values)[len(values) // 2]


def report(controller, rounds):
    """Prints and returns the medians; a ratio is that of one round's two sides."""
    out = {}
    for key in rounds[0]["dom0"]:
        row = {}
        for what in ("mib_s", "requests_s", "cpu_s_per_gib"):
            dom0, stub = ([r[side][key][what] for r in rounds] for side in ("dom0", "stub"))
            row[what] = {"dom0": median(dom0), "stub": median(stub),
                         "ratio": median([s / d if d else 0 for s, d in zip(stub, dom0)])}
        out[key] = row
        print(f"{controller:7} {key:20} MiB/s {row['mib_s']['dom0']:8.2f} "
              f"{row['mib_s']['stub']:8.2f}  x{row['mib_s']['ratio']:5.2f}   CPU s/GiB "
              f"{row['cpu_s_per_gib']['dom0']:8.1f} {row['cpu_s_per_gib']['stub']:8.1f}  "
              f"x{row['cpu_s_per_gib']['ratio']:5.2f}", flush=True)
    return out


if __name__ == "__main__":
    main()
