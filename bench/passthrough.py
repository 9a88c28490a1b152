#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts exits, hypercalls among them, for each request to a guest's PCI devices of the host.
A guest and its stub domain each have a column, with and without requests.
QEMU is in dom0 and in a stub domain, in turn. Prints a table; writes build/bench/passthrough.json."""
import argparse
import json
import os
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import xentrace  # noqa: E402
from guestlib import disks, pci  # noqa: E402
from guestlib.dom0host import Dom0  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402
from rigctl.rig import Rig  # noqa: E402

REQUESTS = 100
SIDES = {"dom0": None, "nub": Stub(kernel="nub")}


def read(guest):
    return lambda n: guest.ask(f"diskload vda read 4096 1 {n}", "diskload vda ", 600)


def ping(guest):
    return lambda n: guest.ask(f"ping {pci.DOM0} {n}", "ping .*/", 600)


def quiet(dom0, work):
    """The exits of a time as long as so many requests take, for each of these, by domain."""
    began = time.monotonic()
    work(REQUESTS)
    seconds = time.monotonic() - began
    data = xentrace.trace_during(dom0, xentrace.EXITS_AND_SWITCHES, lambda: time.sleep(seconds))
    return {domid: n.total() / REQUESTS for domid, n in xentrace.domain_exits(data).items()}


def measure(dom0, side):
    """For each kind of request its exits, by domain, and those without a request."""
    guest = Guest(dom0, "bench", kind="direct", stub=SIDES[side], disks=0, nics=(),
                  modules=("virtio_blk", "e1000e"), pci=[pci.VIRTIO, pci.E1000E]).prepare()
    try:
        guest.start()
        disks.wait_listed(guest, 1)
        guest.ask(f"nic {pci.MACS[pci.E1000E]},10.98.0.2/24", "nic .* up")
        names = {guest.domid: "guest"}
        if SIDES[side]:
            names[guest.stub_domid] = "stub domain"
        out = {}
        for what, work in (("4 KiB read, virtio-blk", read(guest)), ("ping, e1000e", ping(guest))):
            with_requests = xentrace.exits_of_domains(dom0, work, REQUESTS)
            without = quiet(dom0, work)
            out[what] = {name: (with_requests.get(domid, 0), without.get(domid, 0))
                         for domid, name in names.items()}
        return out
    finally:
        guest.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig-name", help="a rig of the kind iommu, to use and keep")
    parser.add_argument("--output", default=os.path.join(TREE, "build/bench/passthrough.json"))
    args = parser.parse_args()
    rig = Rig.up(args.rig_name or f"bench-{os.getpid()}", product=True, bound=not args.rig_name,
                 kind="iommu")
    dom0 = Dom0(rig)
    dom0.install_assets(os.path.join(TREE, os.environ.get("BUILD", "build")))
    try:
        pci.prepare(dom0)
        results = {side: measure(dom0, side) for side in SIDES}
    finally:
        dom0.close()
        if not args.rig_name:
            rig.down()
    for side, rows in results.items():
        for what, found in rows.items():
            print(f"{what:24} {side:5} " + ", ".join(
                f"{who} {n:.1f} (without {idle:.1f})" for who, (n, idle) in found.items()))
    os.makedirs(os.path.dirname(args.output), exist_ok=True)
    with open(args.output, "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)


if __name__ == "__main__":
    main()
