#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts exits where Xen switches the FPU eagerly (`spec-ctrl=eager-fpu`): a port access, and a 4 KiB
read of an IDE and an AHCI disk. bench.py calls measure(); alone it prints the figures as JSON, in a
rig that `rig/rig --name NAME up --machine eager-fpu` has started (--rig NAME)."""
import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
import disk  # noqa: E402
import xentrace  # noqa: E402
from guestlib.guest import Guest  # noqa: E402

ACCESSES = 300


def port_access(dom0, stub):
    guest = Guest(dom0, "eager", stub=stub, disks=1, nics=()).prepare()
    try:
        guest.start()
        found = xentrace.profile_each(dom0, lambda n: guest.ask(f"pio {n}", "pio", 600), ACCESSES)
        mine, its = found.get(guest.domid, {}), found.get(guest.stub_domid, {})
        # The guest also looks at its serial port meanwhile.
        return {who: {reason: n / mine["port"] for reason, n in exits.items()}
                for who, exits in (("guest", mine), ("stub domain", its))}
    finally:
        guest.remove()


def read(dom0, stub, controller):
    dom0.shell(f"mkdir -p {disk.FOLDER} && truncate -s {disk.DISK_MIB}M {disk.FOLDER}/disk.img")
    guest, name = disk.make(dom0, "eager", controller, stub).prepare(), disk.CONTROLLERS[controller][1]
    try:
        guest.start()
        guest.ask(f"diskload {name} write {disk.MIB} 1 {disk.DISK_MIB}", f"diskload {name} ", 600)
        return disk.profile_of(dom0, guest, name)
    finally:
        guest.remove()
        dom0.run("rm", "-rf", disk.FOLDER, check=False)


def measure(dom0, stub, _build):
    """{request: {domain: {reason: exits}}}"""
    if "eager-fpu" not in dom0.run("xl", "info").stdout:
        raise RuntimeError("Xen runs without spec-ctrl=eager-fpu; try rig/rig up --machine eager-fpu")
    requests = {"port access": lambda: port_access(dom0, stub),
                **{f"4 KiB read, {name}": lambda name=name: read(dom0, stub, name)
                   for name in ("ide", "ahci")}}
    return alone.each("eager", requests, lambda request: request())


def table(figures):
    return "\n".join(disk.profile_table(f"{what}, eager FPU: exits", {"nub": found})
                     for what, found in figures.items())


if __name__ == "__main__":
    sys.exit(alone.main(measure, __doc__))
